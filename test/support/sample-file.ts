import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import type {
  ExtractedFile,
  ExtractedSignal,
  FileHead,
  FileSource,
} from '../../src/extract/extractor.js';
import { firstFrame } from './first-frame.js';
import { samplePath, type ReferenceSignal } from './samples.js';
import { SniffableFile } from './sniffable-file.js';

/** As much as the reader process allows. */
const LIMIT_BYTES = 256 * 1024 * 1024;

/** A file on disk read into memory, with the files beside it. */
export class SampleFile implements FileSource {
  readonly fileName: string;
  readonly extension: string;
  readonly sizeBytes: number;
  readonly mtimeMs = 0;
  readonly head: FileHead;
  readonly #file: SniffableFile;
  readonly #folder: string;

  constructor(location: string) {
    this.#file = new SniffableFile(path.basename(location), readFileSync(location), 0, LIMIT_BYTES);
    this.#folder = path.dirname(location);
    this.fileName = this.#file.fileName;
    this.extension = this.#file.extension;
    this.sizeBytes = this.#file.sizeBytes;
    this.head = this.#file.head;
  }

  get bytes(): Buffer {
    return this.#file.bytes;
  }

  get bytesRead(): number {
    return this.#file.bytesRead;
  }

  read(offset: number, length: number): Buffer {
    return this.#file.read(offset, length);
  }

  readUpTo(offset: number, length: number): Buffer {
    return this.#file.readUpTo(offset, length);
  }

  sibling(fileName: string): SampleFile | null {
    const location = path.join(this.#folder, fileName);
    return existsSync(location) ? new SampleFile(location) : null;
  }
}

/** A sample by its path among hyperspy's test data. */
export function sampleFile(name: string): SampleFile {
  return new SampleFile(samplePath(name));
}

/** What a preview shows, added up: pixels of an image (of a stack its first frame), values of a spectrum, the map of a spectrum image. */
export function previewSum(signal: ExtractedSignal | undefined): number {
  const source = firstFrame(signal?.previewOf?.());
  if (source === null) throw new Error('no preview');
  let sum = 0;
  const values =
    source.kind === 'image'
      ? source.pixels
      : source.kind === 'spectrum'
        ? source.values
        : source.kind === 'spectrum-image'
          ? source.navigation.pixels
          : [];
  for (const value of values) sum += Number(value);
  return sum;
}

/** Expects shape, type and calibration as hyperspy reads them; numbers to 1e-9 of their size. */
export function expectArray(
  { shape, dtype, calibration }: ExtractedSignal,
  expected: Pick<ReferenceSignal, 'shape' | 'dtype' | 'calibration'>,
): void {
  expect({ shape, dtype, units: calibration.map(({ unit }) => unit) }).toEqual({
    shape: expected.shape,
    dtype: expected.dtype,
    units: expected.calibration.map(({ unit }) => unit),
  });
  for (const [index, axis] of calibration.entries()) {
    const { scale = NaN, origin = NaN } = expected.calibration[index] ?? {};
    expectClose(axis.scale, scale);
    expectClose(axis.origin, origin);
  }
}

/** Expects a number to be another one, to 1e-9 of its size. */
export function expectClose(actual: number, wanted: number): void {
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted));
}

/** The metadata of the only or first signal, as text: value and unit. */
export function metadataText({ signals }: ExtractedFile, index = 0): Record<string, string> {
  return Object.fromEntries(
    Object.entries(signals[index]?.metadata ?? {}).map(([name, { value, unit }]) => [
      name,
      `${String(value)}${unit === undefined ? '' : ` ${unit}`}`,
    ]),
  );
}
