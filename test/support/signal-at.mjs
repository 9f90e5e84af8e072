// Loaded into the command line by `node --import`: counts the steps by which it changes anything (statements of the
// database, files written, moved or removed) and sends the process SEND_SIGNAL right before step AT_STEP: SIGKILL as a
// power cut, SIGSTOP as a paused machine. COUNT_STEPS_IN names a file that gets the number of steps of a whole life.
import fs, { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import Sqlite from 'better-sqlite3';
import pg from 'pg';

// Readers and the processes of the stores inherit the environment; only the command line itself is meant.
if (process.argv[1]?.endsWith('recordsmith.js') && !process.argv.includes('--alone')) {
  const atStep = Number(process.env['AT_STEP'] ?? 'Infinity');
  const signal = process.env['SEND_SIGNAL'] ?? 'SIGKILL';
  const countIn = process.env['COUNT_STEPS_IN'];
  let steps = 0;
  let sent = false;
  /** Connections with a transaction. */
  const writing = new Set();
  const step = () => {
    steps += 1;
    // One that is paused in a transaction keeps its locks, and everybody waits for it.
    if (sent || steps < atStep || (signal === 'SIGSTOP' && writing.size > 0)) return;
    sent = true;
    process.kill(process.pid, signal);
  };
  /** @param {any} owner @param {string} name @param {boolean} isDatabase */
  const count = (owner, name, isDatabase = false) => {
    const original = owner[name];
    /** @this {unknown} @param {unknown[]} given */
    owner[name] = function (...given) {
      step();
      const result = Reflect.apply(original, this, given);
      const [query] = given;
      const text = isDatabase ? String(Object(query).text ?? query) : '';
      if (/^\s*begin/i.test(text)) writing.add(this);
      if (/^\s*(commit|rollback)/i.test(text)) writing.delete(this);
      return result;
    };
  };
  for (const name of ['open', 'writeFile', 'mkdir', 'rename', 'rm', 'rmdir', 'unlink']) {
    count(fs.promises, name);
  }
  syncBuiltinESMExports();
  count(Sqlite.prototype, 'prepare', true);
  count(pg.Client.prototype, 'query', true);
  if (countIn !== undefined) process.on('exit', () => writeFileSync(countIn, String(steps)));
}
