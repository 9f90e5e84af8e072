import { Buffer } from 'node:buffer';
import type { DateTime } from 'luxon';

/** A picture with the metadata of an FEI/Thermo scanning microscope. */
export interface FeiTiffContent {
  readonly width: number;
  readonly height: number;
  /** Grey, row by row; 8 or 16 bits. */
  readonly pixels: Uint8Array | Uint16Array;
  /** When it was acquired: [User] Date and Time, in its zone. */
  readonly acquired: DateTime<true>;
  /**
   * Sections of the metadata in their order, SI units: `{ Beam: { Beam: 'EBeam', Scan: 'EScan' }, EBeam: { HV: 5000 } }`.
   */
  readonly sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

/** Tag that FEI's Helios and later write their metadata to. */
const FEI_HELIOS = 34682;
const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;

/** A baseline TIFF (TIFF 6.0; little-endian, one strip, not compressed) with FEI's metadata as INI text in tag 34682. */
export function writeFeiTiff(content: FeiTiffContent): Buffer {
  const { width, height, pixels } = content;
  const pixelBytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const metadata = Buffer.from(`${iniText(content)}\0`, 'latin1');
  const pixelsAt = HEADER_BYTES;
  const metadataAt = even(pixelsAt + pixelBytes.length);
  const directoryAt = even(metadataAt + metadata.length);
  // Sorted by tag, as TIFF demands.
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 1, pixels.BYTES_PER_ELEMENT * 8],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 1],
    [273, LONG, 1, pixelsAt],
    [277, SHORT, 1, 1],
    [278, LONG, 1, height],
    [279, LONG, 1, pixelBytes.length],
    [FEI_HELIOS, ASCII, metadata.length, metadataAt],
  ];
  const file = Buffer.alloc(directoryAt + 2 + ENTRY_BYTES * entries.length + 4);
  file.write('II', 0, 'latin1');
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(directoryAt, 4);
  pixelBytes.copy(file, pixelsAt);
  metadata.copy(file, metadataAt);
  file.writeUInt16LE(entries.length, directoryAt);
  entries.forEach(([tag, type, count, value], index) => {
    const at = directoryAt + 2 + ENTRY_BYTES * index;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    // A value shorter than the field stands at its beginning: the same bytes in little-endian order.
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}

function iniText({ acquired, sections }: FeiTiffContent): string {
  const english = acquired.setLocale('en-US');
  const lines = [
    '[User]',
    `Date=${english.toFormat('MM/dd/yyyy')}`,
    `Time=${english.toFormat('hh:mm:ss a')}`,
  ];
  for (const [key, value] of Object.entries(sections['User'] ?? {})) {
    lines.push(`${key}=${String(value)}`);
  }
  for (const [section, values] of Object.entries(sections)) {
    if (section === 'User') continue;
    lines.push('', `[${section}]`);
    for (const [key, value] of Object.entries(values)) lines.push(`${key}=${String(value)}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

function even(offset: number): number {
  return offset + (offset % 2);
}
