import { inflateSync } from 'node:zlib';
import { AppError, toError } from '../../../errors.js';

/** Compressions that decodeSegment knows: none, LZW, deflate (two numbers), PackBits. */
export const DECODABLE_COMPRESSIONS: ReadonlySet<number> = new Set([1, 5, 8, 32946, 32773]);

/** What a strip or tile may inflate to beyond what is needed of it, bytes. */
const MAX_PADDED_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of one strip or tile, decompressed; never more than `expectedLength`.
 * @param wholeLength what it holds with its padding: tiles at the edge of a page are as large as any other.
 * @throws AppError FORMAT_INVALID when the data end early or are damaged.
 */
export function decodeSegment(
  compression: number,
  bytes: Buffer,
  expectedLength: number,
  wholeLength = expectedLength,
): Buffer {
  const decoded = decompress(compression, bytes, expectedLength, wholeLength);
  if (decoded.length < expectedLength) {
    throw new AppError(
      'FORMAT_INVALID',
      `A strip or tile of the TIFF holds ${decoded.length} of ${expectedLength} bytes.`,
    );
  }
  return decoded.subarray(0, expectedLength);
}

function decompress(
  compression: number,
  bytes: Buffer,
  expectedLength: number,
  wholeLength: number,
): Buffer {
  switch (compression) {
    case 1:
      return bytes;
    case 5:
      return lzw(bytes, expectedLength);
    case 32773:
      return packBits(bytes, expectedLength);
    default:
      try {
        return inflated(bytes, Math.max(expectedLength, Math.min(wholeLength, MAX_PADDED_BYTES)));
      } catch (error) {
        throw new AppError('FORMAT_INVALID', 'A deflated strip or tile of the TIFF is damaged.', {
          cause: toError(error),
        });
      }
  }
}

/** Inflates what is about as long as said; some writers fill up the last strip to its full height and more. */
function inflated(bytes: Buffer, length: number): Buffer {
  const most = length + Math.min(length, MAX_PADDED_BYTES) + 65_536;
  // In one piece: several would be copied together, which takes as much memory again. What is longer is refused after it.
  return inflateSync(bytes, { maxOutputLength: most, chunkSize: most + 1 });
}

/** PackBits, TIFF 6.0 section 9. */
function packBits(bytes: Buffer, expectedLength: number): Buffer {
  const decoded = Buffer.alloc(expectedLength);
  let length = 0;
  let at = 0;
  while (at + 1 < bytes.length && length < expectedLength) {
    const control = bytes.readInt8(at);
    at += 1;
    if (control >= 0) {
      const run = Math.min(control + 1, bytes.length - at, expectedLength - length);
      bytes.copy(decoded, length, at, at + run);
      at += control + 1;
      length += run;
    } else if (control !== -128) {
      const run = Math.min(1 - control, expectedLength - length);
      decoded.fill(bytes[at] ?? 0, length, length + run);
      at += 1;
      length += run;
    }
  }
  return decoded.subarray(0, length);
}

const CLEAR = 256;
const END = 257;
const TABLE_SIZE = 4096;

/**
 * LZW, TIFF 6.0 section 13: codes of 9 to 12 bits, highest bit first, widened one code early. Strings are kept as
 * places in the output: each code stands for a run that was written before.
 */
function lzw(bytes: Buffer, expectedLength: number): Buffer {
  const decoded = Buffer.alloc(expectedLength);
  const starts = new Uint32Array(TABLE_SIZE);
  const lengths = new Uint32Array(TABLE_SIZE);
  let next = 258;
  let width = 9;
  let bits = 0;
  let bitCount = 0;
  let length = 0;
  let previousStart = -1;
  let previousLength = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffffff;
    bitCount += 8;
    if (bitCount < width) continue;
    const code = (bits >> (bitCount - width)) & ((1 << width) - 1);
    bitCount -= width;
    if (code === END || length >= expectedLength) break;
    if (code === CLEAR) {
      next = 258;
      width = 9;
      previousStart = -1;
      continue;
    }
    const start = length;
    if (code < 256) {
      decoded[length] = code;
      length += 1;
    } else {
      if (previousStart < 0 || code > next) return decoded.subarray(0, length);
      const from = code === next ? previousStart : (starts[code] ?? 0);
      const run = code === next ? previousLength + 1 : (lengths[code] ?? 0);
      // Byte by byte: the run may overlap what it writes.
      const end = Math.min(length + run, expectedLength);
      for (let source = from; length < end; length += 1, source += 1) {
        decoded[length] = decoded[source] ?? 0;
      }
    }
    if (previousStart >= 0 && next < TABLE_SIZE) {
      starts[next] = previousStart;
      lengths[next] = previousLength + 1;
      next += 1;
      if (next >= (1 << width) - 1 && width < 12) width += 1;
    }
    previousStart = start;
    previousLength = length - start;
  }
  return decoded.subarray(0, length);
}

/**
 * Undoes horizontal differencing (predictor 2) and the floating point predictor (3) in place, row by row.
 * `bytes` hold whole rows of `columns` pixels with `samples` interleaved values of `sampleBytes` bytes; predictor 3
 * leaves big-endian values, as its specification (Adobe TIFF technical note 3) says.
 */
export function undoPredictor(
  predictor: number,
  bytes: Buffer,
  row: { columns: number; samples: number; sampleBytes: number; littleEndian: boolean },
): void {
  const rowBytes = row.columns * row.samples * row.sampleBytes;
  for (let at = 0; at + rowBytes <= bytes.length; at += rowBytes) {
    const line = bytes.subarray(at, at + rowBytes);
    if (predictor === 2) undoDifferences(line, row.samples, row.sampleBytes, row.littleEndian);
    else if (predictor === 3) undoFloatPredictor(line, row.samples, row.sampleBytes);
  }
}

function undoDifferences(line: Buffer, samples: number, size: number, little: boolean): void {
  if (size === 1) {
    for (let at = samples; at < line.length; at += 1) {
      line[at] = (line[at] ?? 0) + (line[at - samples] ?? 0);
    }
    return;
  }
  const stride = samples * size;
  for (let at = stride; at < line.length; at += size) {
    // Addition with carry, from the lowest byte up.
    let carry = 0;
    for (let step = 0; step < size; step += 1) {
      const place = little ? at + step : at + size - 1 - step;
      const sum = (line[place] ?? 0) + (line[place - stride] ?? 0) + carry;
      line[place] = sum;
      carry = sum >> 8;
    }
  }
}

function undoFloatPredictor(line: Buffer, samples: number, size: number): void {
  for (let at = samples; at < line.length; at += 1) {
    line[at] = (line[at] ?? 0) + (line[at - samples] ?? 0);
  }
  const planes = Buffer.from(line);
  const values = line.length / size;
  for (let value = 0; value < values; value += 1) {
    for (let step = 0; step < size; step += 1) {
      line[value * size + step] = planes[step * values + value] ?? 0;
    }
  }
}
