import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ExtractFileJob } from '../../src/extract/extract-file.js';
import type { ExtractFileResult } from '../../src/extract/extract-result.js';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import type { FuzzSample, FuzzSamples } from './fuzz-samples.js';
import { mutate, seededBelow } from './mutate.js';
import { extractJob } from './extract-job.js';

const ENTRY = new URL('../extract/fuzz-reader.mjs', import.meta.url);
/** A third of what the product allows by default: what comes near is told before it is over. */
const TIME_LIMIT_MS = 20_000;
/** As the product allows by default. */
const LIMIT_BYTES = 268_435_456;
/** What an error that is no refusal looks like, where only its text is left. */
const DEFECT_TEXT =
  /\n\s+at |Cannot read propert|is not a function|is not iterable|is not defined|Maximum call stack|Invalid array length|Invalid typed array|Array buffer allocation|call stack|of undefined|undefined \(|\[object |Cannot mix BigInt|ERR_[A-Z_]+|memory access|unreachable|null function/;

/** A damaged copy in its own folder. */
export interface DamagedFile {
  readonly seed: number;
  readonly sample: FuzzSample;
  readonly kinds: readonly string[];
  /** Below the data folder: `1234/a.dm3`. */
  readonly relative: string;
}

/** What must not be. */
export interface FuzzFailure {
  readonly seed: number;
  readonly sample: string;
  readonly kinds: readonly string[];
  readonly what: string;
}

/** What the copies that one reader recognised cost. */
interface Cost {
  count: number;
  read: number;
  mostMs: number;
  mostMsSeed: number;
  mostMib: number;
  mostMibSeed: number;
}

/** Writes the damaged copy of a seed, with what lies beside it, into a folder of its own. */
export function writeDamaged(samples: FuzzSamples, seed: number, folder: string): DamagedFile {
  const random = seededBelow(seed);
  const sample = samples.choose(random);
  const other = samples.choose(random).bytes();
  const beside = sample.beside();
  const names = Object.keys(beside);
  // Now and then it is a file beside it that is damaged, and what reads both is to survive that too.
  const damagedName = names.length > 0 && random(4) === 0 ? names[random(names.length)] : undefined;
  const whole =
    damagedName === undefined ? sample.bytes() : (beside[damagedName] ?? sample.bytes());
  const { bytes, kinds } = mutate(whole, other, random);
  const place = join(folder, String(seed));
  mkdirSync(place, { recursive: true });
  const contents = {
    ...beside,
    [sample.fileName]: damagedName === undefined ? bytes : sample.bytes(),
  };
  if (damagedName !== undefined) contents[damagedName] = bytes;
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(place, name), content);
  const where = damagedName === undefined ? [] : [`in ${damagedName}`];
  return { seed, sample, kinds: [...kinds, ...where], relative: `${seed}/${sample.fileName}` };
}

/** Damaged copies read by the real reader processes, and what came of them. */
export class FuzzRun {
  readonly failures: FuzzFailure[] = [];
  count = 0;
  readonly #samples: FuzzSamples;
  readonly #costs = new Map<string, Cost>();
  readonly #folder: string;
  readonly #pool: ReaderPool;

  constructor(samples: FuzzSamples) {
    this.#samples = samples;
    const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    this.#folder = mkdtempSync(join(parent, 'recordsmith-fuzz-'));
    this.#pool = new ReaderPool({ entry: ENTRY, timeLimitMs: TIME_LIMIT_MS });
  }

  /** Reads the copies of `count` seeds. */
  async read(firstSeed: number, count: number): Promise<void> {
    const damaged: DamagedFile[] = [];
    const samples = this.#samples;
    const data = join(this.#folder, 'data');
    const jobOf = ({ relative }: DamagedFile): ExtractFileJob =>
      extractJob(Buffer.from(join(data, relative)), data, this.#folder, {
        limitBytes: LIMIT_BYTES,
      });
    function* jobs(): Generator<ExtractFileJob> {
      for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
        const one = writeDamaged(samples, seed, data);
        damaged.push(one);
        yield jobOf(one);
      }
    }
    let index = 0;
    try {
      for await (const result of this.#pool.extractFiles(jobs())) {
        const one = damaged[index];
        if (one === undefined) throw new Error('A result without a file.');
        index += 1;
        this.#judge(one, result);
        rmSync(join(data, String(one.seed)), { recursive: true });
      }
    } catch (error) {
      const one = damaged[index];
      const place = one === undefined ? 'before the first' : `${one.seed} (${one.sample.name})`;
      throw new Error(`The reader pool failed at seed ${place}.`, { cause: error });
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** One line a kind of file: copies, how many were read, the slowest and the largest with their seeds. */
  table(): string {
    const rows = [...this.#costs].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(
      ([name, { count, read, mostMs, mostMsSeed, mostMib, mostMibSeed }]) =>
        `${name.padEnd(12)}${String(count).padStart(8)}${String(read).padStart(8)}` +
        `${String(mostMs).padStart(8)} ms (${mostMsSeed})${String(mostMib).padStart(6)} MiB (${mostMibSeed})`,
    );
    return ['reader        copies    read  slowest (seed), largest (seed)', ...lines].join('\n');
  }

  #judge(one: DamagedFile, result: ExtractFileResult): void {
    this.count += 1;
    if (result.kind !== 'read') {
      const why = result.kind === 'changed' ? '' : `: ${result.metadata.warnings.join(' ')}`;
      this.#fail(one, `${result.kind}${why}`);
      return;
    }
    const { metadata, staged } = result;
    const warnings = metadata.warnings.filter((text) => !text.startsWith('fuzz: '));
    for (const text of warnings) {
      if (DEFECT_TEXT.test(text)) this.#fail(one, `warning: ${text}`);
      if (text.length > 5000) this.#fail(one, `warning of ${text.length} characters`);
    }
    const cost = metadata.warnings.find((text) => text.startsWith('fuzz: '));
    if (cost !== undefined)
      this.#note(one, !metadata.reader.startsWith('unknown'), cost.slice('fuzz: '.length));
    for (const location of staged) this.#checkStaged(one, location);
  }

  #note(one: DamagedFile, isRead: boolean, told: string): void {
    const { ms, mib, asked, defect } = JSON.parse(told) as {
      readonly ms: number;
      readonly mib: number;
      readonly asked: string | null;
      readonly defect: string | null;
    };
    if (defect !== null) this.#fail(one, defect);
    const reader = asked ?? '(none)';
    let cost = this.#costs.get(reader);
    if (cost === undefined) {
      cost = { count: 0, read: 0, mostMs: -1, mostMsSeed: 0, mostMib: 0, mostMibSeed: 0 };
      this.#costs.set(reader, cost);
    }
    cost.count += 1;
    if (isRead) cost.read += 1;
    if (ms > cost.mostMs) [cost.mostMs, cost.mostMsSeed] = [ms, one.seed];
    if (mib > cost.mostMib) [cost.mostMib, cost.mostMibSeed] = [mib, one.seed];
  }

  /** Sidecars are JSON, previews are PNG. */
  #checkStaged(one: DamagedFile, location: string): void {
    const file = join(this.#folder, 'staging', decodeURIComponent(location));
    const bytes = readFileSync(file);
    if (location.endsWith('.png')) {
      if (bytes.readUInt32BE(0) !== 0x89504e47) this.#fail(one, `${location} is no PNG`);
    } else {
      JSON.parse(bytes.toString('utf8'));
    }
    rmSync(file);
  }

  #fail({ seed, sample, kinds }: DamagedFile, what: string): void {
    this.failures.push({ seed, sample: sample.name, kinds, what });
  }
}

/** Failures for people, those of one cause together: how often, and the first of them. */
export function failureText(failures: readonly FuzzFailure[]): string {
  const groups = new Map<string, FuzzFailure[]>();
  for (const failure of failures) {
    const key = failure.what.split('\n').slice(0, 3).join('\n').replaceAll(/\d+/g, '0');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [failure]);
    else group.push(failure);
  }
  return [...groups.values()]
    .sort((a, b) => b.length - a.length)
    .map((group) => {
      const { seed = 0, sample = '', kinds = [], what = '' } = group[0] ?? {};
      const text = what.split('\n').slice(0, 5).join('\n    ');
      return `${group.length} times, first SEED=${seed} (${sample}: ${kinds.join(', ')})\n    ${text}`;
    })
    .join('\n');
}
