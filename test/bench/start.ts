import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, type BenchResult, type BenchRow } from './bench-result.js';
import { CLI } from './build-lab.js';

const RUNS = 9;

/** Milliseconds from spawn to exit; the output is checked before the time counts. */
function timeProcess(
  args: readonly string[],
  folder: string,
  check: (stdout: string) => boolean,
): number {
  const start = performance.now();
  const ended = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const took = performance.now() - start;
  if (ended.status !== 0 || !check(ended.stdout)) {
    throw new Error(`node ${args.join(' ')} answered ${String(ended.status)}: ${ended.stderr}`);
  }
  return took;
}

/** Milliseconds from spawn until the daemon says that it is running; then it is stopped and must exit with 0. */
async function timeDaemon(folder: string): Promise<number> {
  const start = performance.now();
  const daemon = spawn(process.execPath, [CLI, 'run'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let took = Number.NaN;
  let log = '';
  daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    if (Number.isNaN(took) && log.includes('recordsmith is running')) {
      took = performance.now() - start;
      daemon.kill('SIGTERM');
    }
  });
  const code = await new Promise((resolve) => daemon.once('close', resolve));
  if (code !== 0 || Number.isNaN(took))
    throw new Error(`The daemon answered ${String(code)}: ${log}`);
  return took;
}

/** Cold start of `--version`, of `--run-once` with nothing to do and of the daemon, over `node -e 0`. */
export async function run(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'recordsmith-bench-start-'));
  try {
    timeProcess([CLI, 'init'], folder, () => true);
    const times: Record<'node' | 'version' | 'once' | 'daemon', number[]> = {
      node: [],
      version: [],
      once: [],
      daemon: [],
    };
    for (let count = 0; count < RUNS; count += 1) {
      times.node.push(timeProcess(['-e', '0'], folder, () => true));
      times.version.push(
        timeProcess([CLI, '--version'], folder, (text) => /^\d+\.\d+\.\d+\n$/.test(text)),
      );
      times.once.push(
        timeProcess([CLI, '--run-once', '--json'], folder, (text) =>
          text.includes('"sessions": []'),
        ),
      );
      times.daemon.push(await timeDaemon(folder));
    }
    const base = median(times.node);
    const over = (label: string, values: readonly number[], limit: number): BenchRow => {
      const value = median(values) - base;
      return {
        label,
        value,
        unit: 'ms over node -e 0',
        target: `<= ${limit}`,
        pass: value <= limit,
      };
    };
    return {
      name: 'start',
      rows: [
        { label: 'node -e 0', value: base, unit: 'ms' },
        over('--version', times.version, 150),
        over('--run-once, nothing to do', times.once, 500),
        over('daemon to ready', times.daemon, 1000),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
