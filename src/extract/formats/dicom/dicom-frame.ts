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

/** Gives the compressed bytes of a frame (the first is 0). Throws as encapsulatedFrames does. */
export type EncapsulatedFrames = (frame: number) => Buffer;

/**
 * The frames of encapsulated (compressed) pixels: items behind each other, the first with the places of the frames or empty
 * (PS3.5 A.4). Without the places each frame is one item.
 * @param start Where the first item begins.
 * @throws AppError FORMAT_INVALID when there is none or, at the frame that it is about, when the items are damaged;
 * LIMIT_EXCEEDED when a frame is too large.
 */
export function encapsulatedFrames(
  source: ByteSource,
  start: number,
  frames: number,
): EncapsulatedFrames {
  const { items, damage } = readItems(source, start);
  const [table, ...fragments] = items;
  const first = fragments[0];
  if (damage !== null && (frames === 1 || first === undefined)) throw damage;
  if (table === undefined || first === undefined) {
    throw new AppError('FORMAT_INVALID', 'The compressed DICOM pixels hold no frame.');
  }
  const places = frames > 1 ? placesOf(source, table, frames) : null;
  return (frame) => {
    const own =
      frames === 1
        ? fragments
        : places === null
          ? fragments.slice(frame, frame + 1)
          : fragmentsBetween(fragments, first.offset - 8, places[frame], places[frame + 1]);
    const last = own.at(-1);
    // Without the end of the items nobody knows whether the last one there ends its frame, unless the next one begins there.
    const mayGoOn =
      last !== undefined &&
      damage !== null &&
      places !== null &&
      last === fragments.at(-1) &&
      last.offset + last.length !== first.offset - 8 + (places[frame + 1] ?? Number.NaN);
    if (last === undefined || mayGoOn) {
      throw (
        damage ?? new AppError('FORMAT_INVALID', `The DICOM pixels hold no frame ${frame + 1}.`)
      );
    }
    const length = own.reduce((sum, fragment) => sum + fragment.length, 0);
    if (length > MAX_FRAME_BYTES) {
      throw new AppError(
        'LIMIT_EXCEEDED',
        `Frame ${frame + 1} of the DICOM file has ${length} compressed bytes.`,
      );
    }
    return Buffer.concat(own.map((fragment) => source.read(fragment.offset, fragment.length)));
  };
}

/** The items before the end or the first damage. */
function readItems(
  source: ByteSource,
  start: number,
): { readonly items: readonly Fragment[]; readonly damage: AppError | null } {
  const items: Fragment[] = [];
  let at = start;
  let damage: AppError | null = null;
  while (items.length < MAX_FRAGMENTS) {
    const head = source.readUpTo(at, 8);
    if (head.length < 8) break;
    const tag = head.readUInt32LE(0);
    const length = head.readUInt32LE(4);
    if (tag === DELIMITER) break;
    if (tag !== ITEM || length === 0xffffffff) {
      damage = new AppError('FORMAT_INVALID', `The compressed DICOM pixels are damaged at ${at}.`);
      break;
    }
    if (at + 8 + length > source.sizeBytes) {
      damage = new AppError('FORMAT_INVALID', `The compressed DICOM pixels end early, at ${at}.`);
      break;
    }
    items.push({ offset: at + 8, length });
    at += 8 + length;
  }
  return { items, damage };
}

/** Where the frames begin, counted from the first item of pixels; null: the table does not say. */
function placesOf(source: ByteSource, table: Fragment, frames: number): readonly number[] | null {
  if (table.length < 4 * frames || frames > MAX_FRAGMENTS) return null;
  const bytes = source.read(table.offset, 4 * frames);
  const places = Array.from({ length: frames }, (_, frame) => bytes.readUInt32LE(4 * frame));
  return places.every((place, frame) => frame === 0 || place > (places[frame - 1] ?? 0))
    ? places
    : null;
}

/** The fragments whose items begin in a stretch. */
function fragmentsBetween(
  fragments: readonly Fragment[],
  base: number,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): readonly Fragment[] {
  return fragments.filter(({ offset }) => {
    const place = offset - 8 - base;
    return place >= from && place < to;
  });
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
