import { Buffer } from 'node:buffer';

/** What a test wants in an EDAX spectrum; what is not named is 0 or empty. */
export interface EdaxSpectrumContent {
  readonly version?: number;
  readonly counts: readonly number[];
  readonly evPerChannel?: number;
  readonly startKev?: number;
  readonly liveTime?: number;
  readonly kilovolts?: number;
  readonly elements?: readonly number[];
}

/** No real .spc may be packaged: a file written from the layout of "Spectrum file format V.70" (EDAX). */
export function edaxSpectrumBytes(content: EdaxSpectrumContent): Buffer {
  const { version = 0.7, counts, elements = [] } = content;
  const bytes = Buffer.alloc(20_994);
  bytes.writeFloatLE(version, 0);
  bytes.writeFloatLE(3.2, 4);
  // 5 March 2021, 16:07:09.
  bytes.writeInt16LE(2021, 16);
  bytes.set([5, 3, 7, 16, 0, 9], 18);
  bytes.writeInt32LE(bytes.length, 24);
  bytes.writeInt32LE(3840, 28);
  bytes.writeInt16LE(counts.length, 32);
  bytes.writeInt16LE(1050, 36);
  bytes.write('Alloy', 64, 'latin1');
  bytes.write('Sample 7', 104, 'latin1');
  bytes.writeInt32LE(content.evPerChannel ?? 10, 384);
  bytes.writeInt16LE(12, 388);
  bytes.writeFloatLE(content.startKev ?? 0, 448);
  bytes.writeFloatLE(content.liveTime ?? 30.1, 456);
  bytes.writeFloatLE(2.5, 460);
  bytes.writeFloatLE(33, 464);
  bytes.writeFloatLE(131.2, 472);
  bytes.writeUInt32LE(30, 476);
  bytes.writeFloatLE(45, 508);
  bytes.writeFloatLE(34, 512);
  bytes.writeFloatLE(content.kilovolts ?? 15, 532);
  bytes.writeInt16LE(elements.length, 638);
  elements.forEach((element, index) => bytes.writeUInt16LE(element, 640 + 2 * index));
  counts.forEach((count, index) => bytes.writeUInt32LE(count, 3840 + 4 * index));
  bytes.writeFloatLE(7.68, 20_736);
  return bytes;
}

/** A spectrum map, from the layout of "SpcMap-spd file format" (EDAX): counts by line, point, channel. */
export function edaxMapBytes(
  size: { readonly lines: number; readonly points: number; readonly channels: number },
  countBytes: 1 | 2 | 4,
  countOf: (line: number, point: number, channel: number) => number,
): Buffer {
  const { lines, points, channels } = size;
  const bytes = Buffer.alloc(1068 + lines * points * channels * countBytes);
  bytes.write('MAPSPECTRA_DATA', 0, 'latin1');
  [334, points * lines, points, lines, channels, countBytes, 1068, 3].forEach((value, index) =>
    bytes.writeInt32LE(value, 16 + 4 * index),
  );
  bytes.write('C:\\EDAX32\\map_Img.bmp', 48, 'latin1');
  let at = 1068;
  for (let line = 0; line < lines; line += 1) {
    for (let point = 0; point < points; point += 1) {
      for (let channel = 0; channel < channels; channel += 1) {
        bytes.writeUIntLE(countOf(line, point, channel), at, countBytes);
        at += countBytes;
      }
    }
  }
  return bytes;
}

/** The description of an electron image, from the layout of "ImageIPR file format" (EDAX). */
export function edaxImageBytes(micrometresX: number, micrometresY: number): Buffer {
  const bytes = Buffer.alloc(264);
  bytes.writeUInt16LE(334, 0);
  bytes.writeUInt16LE(1, 2);
  bytes.write('Img', 4, 'latin1');
  bytes.writeUInt16LE(150, 52);
  bytes.writeUInt32LE(2500, 58);
  bytes.writeUInt16LE(12, 62);
  bytes.writeFloatLE(micrometresX, 64);
  bytes.writeFloatLE(micrometresY, 68);
  return bytes;
}
