import {
  DEFAULT_IGNORE_PATTERNS,
  DEFAULT_IGNORED_FOLDERS,
} from '../../src/domain/ignored-names.js';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DirectoryIndex } from '../../src/files/directory-index.js';
import { findSessionFiles } from '../../src/files/find-session-files.js';
import {
  DEFAULT_NEAR_MS,
  type FileClaim,
  type LookFolder,
  type LookRequest,
} from '../../src/files/look-request.js';
import type { LookResult } from '../../src/files/look-result.js';

/** START of the session of lookRequest: 2026-03-02T09:00Z; its END is an hour later. Epoch milliseconds. */
export const START_MS = Date.UTC(2026, 2, 2, 9);
export const END_MS = START_MS + 3_600_000;
/** A time in the middle of the session. */
export const MIDDLE_MS = START_MS + 1_800_000;

/** A real folder tree under the system's folder for temporary files. */
export class FileStore {
  /** paths.data: absolute and without symbolic links. */
  readonly path: string;

  /** `inMemory`: where the system has a file system in memory, on that: for very many files. */
  constructor(inMemory = false) {
    const parent = inMemory && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    this.path = realpathSync(mkdtempSync(join(parent, 'store-')));
  }

  /** Writes a file (with its folders) and sets its mtime, epoch milliseconds. */
  write(name: string | Buffer, mtimeMs: number = MIDDLE_MS, content = 'x'): void {
    const path =
      typeof name === 'string'
        ? join(this.path, name)
        : Buffer.concat([Buffer.from(`${this.path}/`), name]);
    if (typeof path === 'string') mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
  }

  /** Sets an mtime to the nanosecond. */
  touch(name: string, mtimeNs: bigint): void {
    const digits = mtimeNs.toString();
    const time = `@${digits.slice(0, -9)}.${digits.slice(-9)}`;
    execFileSync('touch', ['-d', time, join(this.path, name)]);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A claim of the session of lookRequest. */
export function makeClaim(changes: Partial<FileClaim> = {}): FileClaim {
  return {
    sessionIdentifier: 'session',
    startMs: START_MS,
    endMs: END_MS,
    directories: [],
    userFolderPattern: null,
    folders: [{ path: 'titan', clockOffsets: [] }],
    clockOffsetsElsewhere: [],
    ...changes,
  };
}

/** A folder of an instrument, without any special rule. */
export function makeFolder(path: string, changes: Partial<LookFolder> = {}): LookFolder {
  return {
    path,
    timeBasis: 'mtime',
    clockOffsets: [],
    patterns: [],
    rootSeenNonemptyAtMs: null,
    ...changes,
  };
}

/** A request for a session from START_MS to END_MS on the folder `titan`. */
export function lookRequest(dataPath: string, changes: Partial<LookRequest> = {}): LookRequest {
  return {
    dataPath,
    folders: [makeFolder('titan')],
    directories: [],
    allowedRoots: [],
    startMs: START_MS,
    endMs: END_MS,
    endGraceMs: 0,
    nextStartMs: null,
    nearMs: DEFAULT_NEAR_MS,
    acquiredWithinMs: 7 * 24 * 3_600_000,
    strategy: 'inclusive',
    extensions: ['.dm3', '.dm4', '.tif', '.mib', '.ser'],
    ignorePatterns: [...DEFAULT_IGNORE_PATTERNS],
    ignoredFolders: [...DEFAULT_IGNORED_FOLDERS],
    companions: [],
    included: [],
    excluded: [],
    recorded: [],
    claim: makeClaim(),
    neighbours: [],
    effort: 'walk',
    ...changes,
  };
}

/** A look in this process, that is expected to reach the store. */
export async function look(
  request: LookRequest,
  index = new DirectoryIndex(),
  nowMs = Date.now(),
): Promise<Extract<LookResult, { kind: 'looked' }>> {
  const signal = new AbortController().signal;
  const result = await findSessionFiles(request, { signal, indexOf: () => index, nowMs });
  if (result.kind !== 'looked') throw new Error(result.reason);
  return result;
}

/** The verdicts of a look as `location: verdict`. */
export function verdictsOf(result: Extract<LookResult, { kind: 'looked' }>): string[] {
  return result.verdicts.map((one) => `${one.location}: ${one.verdict}`);
}
