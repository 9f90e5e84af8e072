// A parent process with a started, idle pool: prints its children, then waits (`wait`) or simply ends (`end`).
import { setInterval } from 'node:timers';
import { ProcessPool } from '../../dist/processes/process-pool.js';

const entry = new URL('./pool-jobs.mjs', import.meta.url);
const pool = new ProcessPool({
  child: { entry, memoryLimitBytes: null },
  size: 2,
  name: 'test',
});
await pool.start();
await Promise.all([1, 2].map((n) => pool.run('echo', n, { timeLimitMs: 5000, parse: Number })));
console.log(JSON.stringify(pool.pids));
if (process.argv[2] === 'wait') setInterval(() => undefined, 1000);
