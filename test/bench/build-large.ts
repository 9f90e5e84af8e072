import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { BenchResult } from './bench-result.js';
import { CLI, makeBenchFolder, makeBuildLab } from './build-lab.js';

const SAMPLE_EVERY_MS = 50;
const MOST_MEGABYTES = 800;
const MOST_RATIO = 1.2;

/** What `--run-once` took. */
interface Measured {
  readonly msPerFile: number;
  /** The peaks of all processes added up, decimal megabytes. */
  readonly peakMegabytes: number;
}

function numberIn(path: string, pattern: RegExp): number | null {
  try {
    const match = pattern.exec(readFileSync(path, 'latin1'));
    return match?.[1] === undefined ? null : Number(match[1]);
  } catch {
    // It has ended.
    return null;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Notes the highest resident memory so far of a process and all below it, bytes by process id. */
function notePeaks(pid: number, peaks: Map<number, number>): void {
  const kibibytes = numberIn(`/proc/${pid}/status`, /^VmHWM:\s+(\d+) kB/m);
  if (kibibytes !== null) peaks.set(pid, kibibytes * 1024);
  for (const child of childrenOf(pid)) notePeaks(child, peaks);
}

/** Spawn to exit of `--run-once` on a fresh lab; the result is checked before the time counts. */
async function measure(sessions: number, filesPerSession: number): Promise<Measured> {
  const folder = await makeBenchFolder('large');
  try {
    await makeBuildLab(folder, { sessions, filesPerSession });
    const start = performance.now();
    const child = spawn(process.execPath, [CLI, '--run-once', '--json', '--quiet'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const peaks = new Map<number, number>();
    const sampling = setInterval(() => {
      if (child.pid !== undefined) notePeaks(child.pid, peaks);
    }, SAMPLE_EVERY_MS);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => resolve());
    });
    clearInterval(sampling);
    const took = performance.now() - start;
    checkBuilt(stdout, sessions, filesPerSession);
    return {
      msPerFile: took / (sessions * filesPerSession),
      peakMegabytes: [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0) / 1e6,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checkBuilt(stdout: string, sessions: number, filesPerSession: number): void {
  const report = JSON.parse(stdout) as { sessions: { outcome: string; files: number }[] };
  const built = report.sessions.filter(
    ({ outcome, files }) => outcome === 'COMPLETED' && files === filesPerSession,
  );
  if (built.length !== sessions || report.sessions.length !== sessions) {
    throw new Error(`${built.length} of ${sessions} sessions were built.`);
  }
}

/** One session of 10,000 files and 100 sessions of 20, per file against one session of 200. */
export async function run(): Promise<BenchResult> {
  const small = await measure(1, 200);
  const large = await measure(1, 10_000);
  const many = await measure(100, 20);
  const rowsOf = (label: string, measured: Measured): BenchResult['rows'] => {
    const ratio = measured.msPerFile / small.msPerFile;
    return [
      { label: `${label}, per file`, value: measured.msPerFile, unit: 'ms' },
      {
        label: `${label}, per file over 200 files`,
        value: ratio,
        unit: 'x',
        target: `<= ${MOST_RATIO}`,
        pass: ratio <= MOST_RATIO,
      },
      {
        label: `${label}, peak memory of all processes`,
        value: measured.peakMegabytes,
        unit: 'MB',
        target: `<= ${MOST_MEGABYTES}`,
        pass: measured.peakMegabytes <= MOST_MEGABYTES,
      },
    ];
  };
  return {
    name: 'build-large',
    rows: [
      { label: '200 files, per file', value: small.msPerFile, unit: 'ms' },
      ...rowsOf('10,000 files', large),
      ...rowsOf('100 sessions of 20', many),
    ],
  };
}
