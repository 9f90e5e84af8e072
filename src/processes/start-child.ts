import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a child process of a pool is started. */
export interface StartChildOptions {
  /** Its entry file, which calls serveJobs. */
  readonly entry: URL;
  /** Bytes of memory that it may take; null: no limit. */
  readonly memoryLimitBytes: number | null;
}

/**
 * Settings of glibc's malloc (mallopt(3)), bytes: memory of a picture is kept for the next one instead of being given back
 * and asked for anew, page by page. Other C libraries do not look at them.
 */
const KEPT_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024 * 1024),
} as const;

/**
 * Options of V8. To optimize with inlining costs a process that works for a second more time than it wins, and one that works
 * for a minute as much. A walk through a store makes millions of short-lived objects: a nursery that may grow spares it
 * collecting them.
 */
const V8_OPTIONS = ['--no-turbo-inlining', '--max-semi-space-size=32'] as const;

/** Starts a child process that can be told jobs. */
export function startChild({ entry, memoryLimitBytes }: StartChildOptions): ChildProcess {
  const heapLimit =
    memoryLimitBytes === null
      ? []
      : [`--max-old-space-size=${Math.max(32, Math.floor(memoryLimitBytes / 1024 / 1024))}`];
  // Child processes read hostile files: they get none of the secrets that the environment may hold. They talk to nobody, and
  // node reads extra certificates when it starts, which takes as long as all else that it does then.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(RECORDSMITH_|NX_|PG|CREDENTIALS_DIRECTORY$|NOTIFY_SOCKET$|NODE_EXTRA_CA_CERTS$)/i.test(
          name,
        ),
    ),
  );
  return fork(fileURLToPath(entry), [], {
    env: { ...KEPT_MEMORY, ...env },
    execArgv: [...V8_OPTIONS, ...heapLimit],
    serialization: 'advanced',
    // Nothing that a library prints may get into the results on our stdout.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
