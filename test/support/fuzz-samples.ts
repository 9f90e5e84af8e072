import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { CLAIMED_EXTENSIONS } from '../../src/extract/registry.js';
import { DICOM_SAMPLES, samplePath } from './samples.js';
import { writtenSamples } from './written-samples.js';

/** One file to damage. */
export interface FuzzSample {
  /** As a report names it: `FEI_old/a.emi`, `written/small.png`. */
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  /** Reads it; afresh each time, so that 120 MB of samples need not stay in memory. */
  bytes(): Buffer;
  /** The files that a reader may read with it, by name. */
  beside(): Readonly<Record<string, Buffer>>;
}

/** Larger files are rarely chosen: in their time many small ones are read. */
const COMMON_BYTES = 300_000;
/** Files beside it that are larger are left out. */
const BESIDE_BYTES = 2_000_000;
/** How often formats are chosen that no reader claims, against one that is claimed. */
const UNCLAIMED_SHARE = 0.05;

/** `a_1.ser`, `a.emi`: what the names of files that belong together have in common. */
function stemOf(fileName: string): string {
  return path.parse(fileName).name.replace(/(_\d+|_info|_Img)+$/, '');
}

function filesBelow(folder: string): readonly FuzzSample[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  return found.map(({ parentPath, name }) => {
    const whole = path.join(parentPath, name);
    const companions = found.filter(
      (other) =>
        other.parentPath === parentPath &&
        other.name !== name &&
        stemOf(other.name) === stemOf(name),
    );
    return {
      name: path.relative(folder, whole),
      fileName: name,
      sizeBytes: statSync(whole).size,
      bytes: () => readFileSync(whole),
      beside: () =>
        Object.fromEntries(
          companions
            .slice(0, 4)
            .map((other) => path.join(parentPath, other.name))
            .filter((one) => statSync(one).size <= BESIDE_BYTES)
            .map((one) => [path.basename(one), readFileSync(one)]),
        ),
    };
  });
}

/** Files to damage: all that are on this machine and those that are written here. */
export class FuzzSamples {
  readonly all: readonly FuzzSample[];
  readonly #families: readonly (readonly FuzzSample[])[];

  constructor(all: readonly FuzzSample[]) {
    this.all = all.filter(({ sizeBytes }) => sizeBytes > 0);
    const families = new Map<string, FuzzSample[]>();
    for (const sample of this.all) {
      const extension = path.extname(sample.fileName).toLowerCase();
      const family = families.get(extension);
      if (family === undefined) families.set(extension, [sample]);
      else family.push(sample);
    }
    this.#families = [...families.values()];
  }

  /** One of them: every format as often as any other, small files rather than large ones. */
  choose(random: (below: number) => number): FuzzSample {
    for (;;) {
      const family = this.#families[random(this.#families.length)] ?? [];
      const sample = family[random(family.length)];
      if (sample === undefined) throw new Error('There is no sample to damage.');
      const extension = path.extname(sample.fileName).toLowerCase();
      const isClaimed = CLAIMED_EXTENSIONS.includes(extension);
      const share =
        (isClaimed ? 1 : UNCLAIMED_SHARE) * Math.min(1, (COMMON_BYTES / sample.sizeBytes) ** 1.5);
      if (random(1000) < 1000 * share) return sample;
    }
  }
}

/** @param withReal Whether Debian's samples are there. */
export async function fuzzSamples(withReal: boolean): Promise<FuzzSamples> {
  const written = (await writtenSamples()).map(({ name, bytes, beside }) => ({
    name: `written/${name}`,
    fileName: name,
    sizeBytes: bytes.length,
    bytes: () => bytes,
    beside: () => beside,
  }));
  const real = withReal ? [...filesBelow(samplePath('')), ...filesBelow(DICOM_SAMPLES)] : [];
  return new FuzzSamples([...real, ...written]);
}
