import { AppError } from '../../../errors.js';
import type { ByteSource } from '../tiff/byte-source.js';

/** Where one part of compressed pixels lies. */
interface Fragment {
  readonly offset: number;
  readonly length: number;
}

const ITEM = 0xe000fffe;
const DELIMITER = 0xe0ddfffe;
const MAX_FRAGMENTS = 100_000;
const MAX_FRAME_BYTES = 128 * 1024 * 1024;

/**
 * The bytes of the first frame of encapsulated (compressed) pixels: items behind each other, the first with the places
 * of the frames or empty (PS3.5 A.4).
 * @param start Where the first item begins.
 * @throws AppError FORMAT_INVALID when there is none, LIMIT_EXCEEDED when it is too large.
 */
export function firstEncapsulatedFrame(source: ByteSource, start: number, frames: number): Buffer {
  const [table, ...fragments] = readFragments(source, start);
  const first = fragments[0];
  if (table === undefined || first === undefined) {
    throw new AppError('FORMAT_INVALID', 'The compressed DICOM pixels hold no frame.');
  }
  const end = secondFrameAt(source, table, first);
  const own =
    frames === 1
      ? fragments
      : end === null
        ? fragments.slice(0, 1)
        : fragments.filter(({ offset }) => offset < end);
  const length = own.reduce((sum, fragment) => sum + fragment.length, 0);
  if (length > MAX_FRAME_BYTES) {
    throw new AppError('LIMIT_EXCEEDED', `The first DICOM frame has ${length} compressed bytes.`);
  }
  return Buffer.concat(own.map((fragment) => source.read(fragment.offset, fragment.length)));
}

function readFragments(source: ByteSource, start: number): Fragment[] {
  const fragments: Fragment[] = [];
  let at = start;
  while (fragments.length < MAX_FRAGMENTS) {
    const head = source.readUpTo(at, 8);
    if (head.length < 8) break;
    const tag = head.readUInt32LE(0);
    const length = head.readUInt32LE(4);
    if (tag === DELIMITER) break;
    if (tag !== ITEM || length === 0xffffffff) {
      throw new AppError('FORMAT_INVALID', `The compressed DICOM pixels are damaged at ${at}.`);
    }
    if (at + 8 + length > source.sizeBytes) {
      throw new AppError('FORMAT_INVALID', `The compressed DICOM pixels end early, at ${at}.`);
    }
    fragments.push({ offset: at + 8, length });
    at += 8 + length;
  }
  return fragments;
}

/** Where the second frame begins by the table of places; null: the table does not say. */
function secondFrameAt(source: ByteSource, table: Fragment, first: Fragment): number | null {
  if (table.length < 8) return null;
  const places = source.read(table.offset, 8);
  const distance = places.readUInt32LE(4) - places.readUInt32LE(0);
  return distance > 0 ? first.offset - 8 + distance : null;
}

/**
 * Decodes an RLE frame (PS3.5 annex G): up to 15 segments, the bytes of one plane each, highest byte first; PackBits.
 * Gives the samples plane after plane, little-endian.
 * @throws AppError FORMAT_INVALID when segments are missing or too short.
 */
export function decodeRle(
  frame: Buffer,
  planeLength: number,
  samples: number,
  sampleBytes: number,
): Buffer {
  const needed = samples * sampleBytes;
  const segments = frame.length < 64 ? 0 : frame.readUInt32LE(0);
  if (segments !== needed || planeLength * needed > MAX_FRAME_BYTES) {
    throw new AppError(
      'FORMAT_INVALID',
      `The RLE frame has ${segments} segments; ${needed} of ${planeLength} bytes were expected.`,
    );
  }
  const decoded = Buffer.alloc(planeLength * needed);
  for (let segment = 0; segment < segments; segment += 1) {
    const from = frame.readUInt32LE(4 + segment * 4);
    const to = segment + 1 < segments ? frame.readUInt32LE(8 + segment * 4) : frame.length;
    const sample = Math.floor(segment / sampleBytes);
    const place = sampleBytes - 1 - (segment % sampleBytes);
    const base = sample * planeLength * sampleBytes + place;
    const written = packBits(frame.subarray(from, to), decoded, base, sampleBytes, planeLength);
    if (written < planeLength) {
      throw new AppError(
        'FORMAT_INVALID',
        `Segment ${segment + 1} of the RLE frame holds ${written} of ${planeLength} bytes.`,
      );
    }
  }
  return decoded;
}

/** Writes up to `count` decoded bytes to every `stride`-th place; gives how many. */
function packBits(
  bytes: Buffer,
  target: Buffer,
  base: number,
  stride: number,
  count: number,
): number {
  let written = 0;
  let at = 0;
  while (at + 1 < bytes.length && written < count) {
    const control = bytes.readInt8(at);
    at += 1;
    if (control === -128) continue;
    const isRun = control < 0;
    const length = isRun ? 1 - control : control + 1;
    for (let step = 0; step < length && written < count; step += 1) {
      const value = bytes[isRun ? at : at + step];
      if (value === undefined) return written;
      target[base + written * stride] = value;
      written += 1;
    }
    at += isRun ? 1 : length;
  }
  return written;
}
