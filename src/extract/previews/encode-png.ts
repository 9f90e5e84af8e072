import { constants, crc32, deflateSync } from 'node:zlib';
import { paletteOf, type Raster } from './raster.js';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = 0;
const TRUE_COLOUR = 2;
const PALETTE = 3;
const FILTER_UP = 2;
const FILTER_AVERAGE = 3;

function chunk(type: string, content: Buffer): Buffer {
  const bytes = Buffer.alloc(content.length + 12);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, 'latin1');
  content.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.length)), 8 + content.length);
  return bytes;
}

/** The scanlines, each minus the line above: equal lines of a drawing become zeros. */
function filterUp(raster: Raster): Uint8Array {
  const stride = raster.width * raster.channels;
  const { data } = raster;
  const lines = new Uint8Array((stride + 1) * raster.height);
  lines.set(data.subarray(0, stride), 1);
  lines[0] = FILTER_UP;
  // Most of a drawing equals the line above: four bytes are compared at once where lines begin on whole words.
  const inWords = stride % 4 === 0 && data.byteOffset % 4 === 0;
  const step = inWords ? 4 : 1;
  const units = inWords
    ? new Uint32Array(data.buffer, data.byteOffset, (stride / 4) * raster.height)
    : data;
  const unitsInLine = stride / step;
  for (let y = 1; y < raster.height; y += 1) {
    const to = y * (stride + 1);
    lines[to] = FILTER_UP;
    const firstUnit = y * unitsInLine;
    for (let unit = firstUnit; unit < firstUnit + unitsInLine; unit += 1) {
      if (units[unit] === units[unit - unitsInLine]) continue;
      const from = unit * step;
      for (let at = from; at < from + step; at += 1) {
        lines[to + 1 + at - y * stride] = (data[at] ?? 0) - (data[at - stride] ?? 0);
      }
    }
  }
  return lines;
}

/** The scanlines, each byte minus the mean of the pixels left and above: good for photographs. */
function filterAverage(raster: Raster): Uint8Array {
  const stride = raster.width * raster.channels;
  const { data, channels } = raster;
  const lines = new Uint8Array((stride + 1) * raster.height);
  for (let y = 0; y < raster.height; y += 1) {
    const start = y * stride;
    const end = start + stride;
    let to = y * (stride + 1);
    lines[to] = FILTER_AVERAGE;
    to += 1;
    // Left of the first pixel and above the first line lies nothing.
    let at = start;
    for (; at < start + channels; at += 1, to += 1) {
      lines[to] = (data[at] ?? 0) - ((y === 0 ? 0 : (data[at - stride] ?? 0)) >> 1);
    }
    if (y === 0) {
      for (; at < end; at += 1, to += 1) {
        lines[to] = (data[at] ?? 0) - ((data[at - channels] ?? 0) >> 1);
      }
    } else {
      for (; at < end; at += 1, to += 1) {
        const mean = ((data[at - channels] ?? 0) + (data[at - stride] ?? 0)) >> 1;
        lines[to] = (data[at] ?? 0) - mean;
      }
    }
  }
  return lines;
}

/**
 * A raster as PNG (ISO/IEC 15948), 8 bits a channel. `content` chooses the scanline filter. Runs and Huffman codes
 * only: as fast as storing, and the bytes do not depend on how zlib searches for matches on this processor.
 */
export function encodePng(raster: Raster, content: 'drawing' | 'photograph'): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(raster.width, 0);
  header.writeUInt32BE(raster.height, 4);
  header[8] = 8;
  header[9] = raster.inks !== undefined ? PALETTE : raster.channels === 1 ? GREY : TRUE_COLOUR;
  const lines = content === 'drawing' ? filterUp(raster) : filterAverage(raster);
  const compressed = deflateSync(lines, { level: 6, memLevel: 8, strategy: constants.Z_RLE });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    ...(raster.inks === undefined ? [] : [chunk('PLTE', Buffer.from(paletteOf(raster.inks)))]),
    chunk('IDAT', compressed),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
