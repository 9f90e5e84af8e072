import type { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';
import { PieceStream } from './piece-stream.js';

/** X-ray counts a position, of a map that was unpacked. */
export interface BrukerCounts {
  readonly width: number;
  readonly height: number;
  /** Row by row. */
  readonly counts: Float64Array;
}

const HEADER_BYTES = 0x1a0;
const PIXEL_HEADER_BYTES = 22;
const MAX_POSITIONS = 1 << 22;
/** A position's packed spectrum; 65,535 channels of 8 bytes are more than any. */
const MAX_PIXEL_BYTES = 1 << 20;
/** Unpacking takes about 10 ms a MiB: larger maps are not. */
const MAX_BYTES = 96 * 1024 * 1024;

/**
 * Counts the X-rays at each position of a map (SpectrumData in a .bcf). A position holds its pulses one by one (16 or 12
 * bits each), or the spectrum in runs of channels; packing as worked out by the HyperSpy project, checked on real files.
 * @returns Null when the map is too large to be unpacked for a preview.
 * @throws AppError FORMAT_INVALID when the stream makes no sense.
 */
export function countBrukerMap(pieces: Iterator<Buffer, void>, name: string): BrukerCounts | null {
  const stream = new PieceStream(pieces, name);
  const head = stream.take(HEADER_BYTES);
  const height = head.readInt32LE(0);
  const width = head.readInt32LE(4);
  if (!(height > 0 && width > 0)) {
    throw new AppError('FORMAT_INVALID', `${name} has ${height} lines of ${width} positions.`);
  }
  if (height * width > MAX_POSITIONS) return null;
  const counts = new Float64Array(width * height);
  for (let line = 0; line < height; line += 1) {
    const positions = stream.take(4).readInt32LE(0);
    for (let index = 0; index < positions; index += 1) {
      const { x, count } = nextPosition(stream, name);
      if (x >= width)
        throw new AppError('FORMAT_INVALID', `${name} has a position beyond its line.`);
      counts[line * width + x] = count;
      if (stream.position > MAX_BYTES) return null;
    }
  }
  return { width, height, counts };
}

/** Header of a position: x, channels, flag of the packing, number of pulses, bytes of the packed data. */
function nextPosition(stream: PieceStream, name: string): { x: number; count: number } {
  const head = stream.take(PIXEL_HEADER_BYTES);
  const x = head.readUInt32LE(0);
  const flag = head.readUInt16LE(12);
  const pulses = head.readUInt16LE(16);
  const length = head.readUInt32LE(18);
  if (length > MAX_PIXEL_BYTES) {
    throw new AppError('FORMAT_INVALID', `${name} has a position of ${length} bytes.`);
  }
  const packed = stream.take(length);
  if (flag <= 1) return { x, count: flag === 0 ? length >> 1 : pulses };
  // Pulses that did not fit into the runs follow, and are counted by the header.
  if (pulses > 0 && length >= 4)
    stream.take(Math.min(MAX_PIXEL_BYTES, packed.readUInt32LE(length - 4)));
  return { x, count: sumRuns(packed.subarray(0, Math.max(0, length - 4)), name) + pulses };
}

/**
 * The runs of a packed spectrum: how many half-bytes a value takes (0: all zero) and how many channels, then what is to
 * be added to each (as many bytes as half-bytes), then the values; half-bytes lie lower one first.
 */
function sumRuns(packed: Buffer, name: string): number {
  let sum = 0;
  let at = 0;
  while (at + 2 <= packed.length) {
    const size = packed.readUInt8(at);
    const channels = packed.readUInt8(at + 1);
    at += 2;
    if (size === 0) continue;
    const bytes = Math.ceil((channels * size) / 2);
    if (![1, 2, 4, 8].includes(size) || at + size + bytes > packed.length) {
      throw new AppError('FORMAT_INVALID', `${name} has a broken run of channels.`);
    }
    sum += channels * valueAt(packed, at, size);
    at += size;
    for (let channel = 0; channel < channels; channel += 1) {
      if (size === 1) {
        const pair = packed.readUInt8(at + (channel >> 1));
        sum += channel % 2 === 0 ? pair & 0x0f : pair >> 4;
      } else sum += valueAt(packed, at + (channel * size) / 2, size / 2);
    }
    at += bytes;
  }
  return sum;
}

function valueAt(packed: Buffer, at: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return packed.readUInt8(at);
    case 2:
      return packed.readUInt16LE(at);
    case 4:
      return packed.readUInt32LE(at);
    default:
      return Number(packed.readBigUInt64LE(at));
  }
}
