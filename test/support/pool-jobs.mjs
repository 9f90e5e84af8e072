// The child of process-pool.test.ts: one job for each way a process can behave.
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers';
import { AppError } from '../../dist/errors.js';
import { serveJobs } from '../../dist/processes/serve-jobs.js';

let atOnce = 0;
/** What `hold` keeps. @type {Buffer[]} */
const held = [];

/** @param {unknown} path null: nobody waits for it */
function sayBegun(path) {
  if (typeof path === 'string') writeFileSync(`${path}-begun`, '');
}

serveJobs({
  echo: (payload) => payload,
  pid: () => process.pid,
  throwAppError: () => {
    throw new AppError('FORMAT_INVALID', 'The header is short.', {
      remedy: 'Copy the file again.',
      details: { row: 3, reader: () => 1 },
      cause: new Error('read past the end'),
    });
  },
  throwOther: () => {
    throw new TypeError('boom');
  },
  hang: (path) => {
    sayBegun(path);
    for (;;) if (process.pid < 0) return null;
  },
  eat: async () => {
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(8 * 1024 * 1024, kept.length));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  hold: (bytes) => {
    held.push(Buffer.alloc(Number(bytes), 1));
  },
  crash: () => {
    process.stderr.write(`${'x'.repeat(100_000)}the last words\n`);
    process.kill(process.pid, 'SIGSEGV');
    return new Promise(() => undefined);
  },
  exit: () => process.exit(7),
  print: () => {
    process.stdout.write('noise on stdout\n');
    return 'printed';
  },
  uncloneable: () => () => 1,
  overlap: async (payload) => {
    atOnce += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const answer = { payload, atOnce };
    atOnce -= 1;
    return answer;
  },
  untilAborted: (path, { signal }) => {
    sayBegun(path);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
  },
  writeAfterAbort: (path, { signal }) =>
    new Promise((resolve) => {
      sayBegun(path);
      signal.addEventListener('abort', () => {
        setTimeout(() => {
          writeFileSync(String(path), 'late');
          resolve('written');
        }, 100);
      });
    }),
  signalMyself: () => {
    process.kill(process.pid, 'SIGINT');
    process.kill(process.pid, 'SIGTERM');
    return new Promise((resolve) => setTimeout(() => resolve('still here'), 50));
  },
  secrets: () =>
    ['RECORDSMITH_TEST_SECRET', 'PGPASSWORD', 'PATH'].map((name) => process.env[name] ?? 'none'),
});
