import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';

const FOLDER = fileURLToPath(new URL('../../.cache/samples/', import.meta.url));
const REASON = 'the sample files are not there: npm run samples';

/** One axis as hyperspy reads it. */
export interface ReferenceAxis {
  readonly scale: number;
  readonly origin: number;
  readonly unit: string;
}

/** One signal as hyperspy reads it; test/samples/make-reference.py says what each value is. */
export interface ReferenceSignal {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly calibration: readonly ReferenceAxis[];
  readonly sum?: string;
  readonly frameSum?: string;
  readonly pictureSum?: string;
  readonly xraySum?: string;
  readonly title?: string;
}

/** The real instrument files that fetch-samples.js unpacks. */
export const samples = {
  /** Whether they are there, whole. */
  available: existsSync(join(FOLDER, '.complete')),
} as const;

/** Absolute path of a sample, by its path among hyperspy's test data. */
export function samplePath(name: string): string {
  return join(FOLDER, name);
}

/** The DICOM files that fetch-samples.js unpacks. */
export const DICOM_SAMPLES = fileURLToPath(new URL('../../.cache/samples-dicom/', import.meta.url));

/** What hyperspy reads from the samples whose names the filter accepts. */
export function sampleReference(
  accepts: (name: string) => boolean,
): readonly (readonly [name: string, signals: readonly ReferenceSignal[]])[] {
  const file = new URL('../samples/hyperspy-reference.json', import.meta.url);
  const reference = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly files: Readonly<Record<string, readonly ReferenceSignal[]>>;
  };
  return Object.entries(reference.files).filter(([name]) => accepts(name));
}

/**
 * A describe that is skipped, saying why, where the samples are not there.
 * @throws Error under CI=true, so that the test file fails instead.
 */
export function describeWithSamples(name: string, body: () => void): void {
  describeIf(samples.available, name, body);
}

/** The same for the DICOM samples. */
export function describeWithDicomSamples(name: string, body: () => void): void {
  describeIf(existsSync(join(DICOM_SAMPLES, '.complete')), name, body);
}

function describeIf(areThere: boolean, name: string, body: () => void): void {
  if (!areThere && process.env['CI'] === 'true') throw new Error(`${name}: ${REASON}`);
  const suite = areThere ? describe : describe.skip;
  suite(areThere ? name : `${name} (skipped: ${REASON})`, body);
}
