import { execFile, fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StorePool } from '../../src/files/store-pool.js';
import type { LookRequest } from '../../src/files/look-request.js';
import type { LookResult } from '../../src/files/look-result.js';
import { median, type BenchResult, type BenchRow } from './bench-result.js';

/** Files and folders of the trees, as in the measurements that the figures come from. */
const TREES = [
  { files: 100_000, folders: 3990, repeats: 15 },
  { files: 1_000_000, folders: 18_052, repeats: 3 },
] as const;
const DAY_MS = 86_400_000;
const EXTENSIONS = ['dm3', 'dm4', 'tif', 'ser', 'spc', 'msa'];
const IGNORED = ['*.mib', '*.db', '*.emi'];
/** A folder that has just been made is believed from its second list on, if that is so much later. */
const RACY_MS = 11_000;

/** The tree of so many files; made anew every day, since "young" is counted from now. @returns its folder and last day. */
async function treeOf(
  files: number,
  folders: number,
): Promise<{ readonly root: string; readonly endMs: number }> {
  const root = fileURLToPath(new URL(`../../find-${String(files)}`, import.meta.url));
  const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const marker = join(root, 'made.json');
  const isMade = existsSync(marker) && readFileSync(marker, 'utf8') === JSON.stringify({ endMs });
  if (!isMade) {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    const script = fileURLToPath(new URL('make-find-tree.js', import.meta.url));
    const child = fork(script, [root, String(files), String(folders), String(endMs)]);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`Making the tree ended with ${String(code)}.`));
      });
    });
  }
  return { root, endMs };
}

const execute = promisify(execFile);

/** The two searches of NexusLIMS, the second as it is when the first finds no link. @returns paths, sorted. */
async function findPair(root: string, startMs: number, endMs: number): Promise<string[]> {
  const options = { maxBuffer: 1024 ** 3 };
  const links = await execute(
    'find',
    ['-H', root, '-type', 'l', '-xtype', 'd', '-print0'],
    options,
  );
  if (links.stdout !== '') throw new Error('There is a link in the tree.');
  const names = EXTENSIONS.flatMap((extension) => ['-o', '-iname', `*.${extension}`]).slice(1);
  const ignored = IGNORED.flatMap((pattern) => ['-and', '-not', '-iname', pattern]);
  const window = ['-newermt', new Date(startMs).toISOString(), '-not', '-newermt'];
  const { stdout } = await execute(
    'find',
    [
      ...['-H', root, '-type', 'f', ...window, new Date(endMs).toISOString()],
      ...['-and', '(', ...names, ')', ...ignored, '-print0'],
    ],
    options,
  );
  return stdout
    .split('\0')
    .filter((path) => path !== '')
    .sort();
}

function requestFor(dataPath: string, startMs: number, endMs: number): LookRequest {
  const folder = {
    path: 'instrument',
    timeBasis: 'mtime',
    clockOffsets: [],
    patterns: [],
    rootSeenNonemptyAtMs: null,
  } as const;
  return {
    dataPath,
    folders: [folder],
    directories: [],
    allowedRoots: [],
    startMs,
    endMs,
    endGraceMs: 0,
    nextStartMs: null,
    nearMs: 30 * 60_000,
    acquiredWithinMs: 0,
    strategy: 'exclusive',
    extensions: EXTENSIONS.map((extension) => `.${extension}`),
    ignorePatterns: IGNORED,
    ignoredFolders: ['.snapshot', '.git'],
    companions: [],
    included: [],
    excluded: [],
    recorded: [],
    claim: {
      sessionIdentifier: 'bench',
      startMs,
      endMs,
      directories: [],
      userFolderPattern: null,
      folders: [{ path: 'instrument', clockOffsets: [] }],
      clockOffsetsElsewhere: [],
    },
    neighbours: [],
    effort: 'index',
  };
}

function pathsOf(result: LookResult, root: string): string[] {
  if (result.kind !== 'looked') throw new Error(result.reason);
  return result.files.map(({ location }) => `${root}${location}`).sort();
}

function requireSame(found: readonly string[], expected: readonly string[]): void {
  if (expected.length === 0) throw new Error('GNU find found nothing: the tree is wrong.');
  if (found.join('\n') !== expected.join('\n')) {
    throw new Error(`${found.length} files, GNU find finds ${expected.length}.`);
  }
}

async function timed<Value>(work: () => Promise<Value>): Promise<readonly [number, Value]> {
  const startMs = performance.now();
  const value = await work();
  return [performance.now() - startMs, value];
}

async function measure(tree: (typeof TREES)[number]): Promise<BenchRow[]> {
  const { root, endMs: lastMs } = await treeOf(tree.files, tree.folders);
  const instrument = join(root, 'instrument');
  const [startMs, endMs] = [lastMs - DAY_MS, lastMs];
  const request = requestFor(root, startMs, endMs);
  const state = mkdtempSync(join(tmpdir(), 'recordsmith-find-'));
  const times = { pair: [] as number[], first: [] as number[], again: [] as number[] };
  const signal = AbortSignal.timeout(600_000);
  const expected = await findPair(instrument, startMs, endMs);
  try {
    // Side by side: what disturbs one disturbs the other.
    for (let repeat = 0; repeat < tree.repeats; repeat += 1) {
      times.pair.push((await timed(() => findPair(instrument, startMs, endMs)))[0]);
      const stores = new StorePool({ indexFolder: join(state, String(repeat)) });
      await stores.probe('bench', root, signal);
      const [firstMs, result] = await timed(() => stores.look('bench', request, signal));
      await stores.stop();
      requireSame(pathsOf(result, root), expected);
      times.first.push(firstMs);
    }
    const stores = new StorePool({ indexFolder: join(state, 'again'), processesPerStore: 1 });
    await stores.look('bench', request, signal);
    await wait(RACY_MS);
    await stores.look('bench', request, signal);
    for (let repeat = 0; repeat < tree.repeats; repeat += 1) {
      const [againMs, result] = await timed(() => stores.look('bench', request, signal));
      requireSame(pathsOf(result, root), expected);
      times.again.push(againMs);
    }
    await stores.stop();
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  const label = `${tree.files.toLocaleString('en')} files`;
  const pairMs = median(times.pair);
  const first = median(times.first) / pairMs;
  const again = median(times.again) / pairMs;
  return [
    { label: `${label}, pair of GNU finds`, value: pairMs, unit: 'ms' },
    { label: `${label}, first look`, value: median(times.first), unit: 'ms' },
    { label: `${label}, repeated look`, value: median(times.again), unit: 'ms' },
    {
      label: `${label}, first look to the pair`,
      value: first,
      unit: 'x',
      target: '<= 1.0',
      pass: first <= 1,
    },
    {
      label: `${label}, repeated look to the pair`,
      value: again,
      unit: 'x',
      target: '<= 0.1',
      pass: again <= 0.1,
    },
  ];
}

/** What it costs to find the files of one day: a first look, and one that knows the folders. */
export async function run(): Promise<BenchResult> {
  const rows: BenchRow[] = [];
  for (const tree of TREES) rows.push(...(await measure(tree)));
  return { name: 'find', rows };
}
