import { zonedTime } from '../../../domain/zoned-time.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import type { FileSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { fixedText } from '../tiff/fixed-text.js';
import { axesOfMetres, vendorAnswer, type TiffVendor } from './tiff-vendor.js';

/** CZ_LSMINFO: a structure that begins with one of two numbers, always little-endian. */
const LSM_TAG = 34412;
const MAGIC: ReadonlySet<number> = new Set([50350412, 67127628]);
const STRUCTURE_BYTES = 136;
/** Entry of the scan information that begins it, that ends a part, and those that are read. */
const RECORDING = 0x10000000;
const END = 0xffffffff;
const ENTRY_NAMES: Readonly<Record<number, string>> = {
  0x10000001: 'Name',
  0x10000002: 'Description',
  0x10000003: 'Notes',
  0x10000004: 'Objective',
  0x10000047: 'User',
};
const SAMPLE_TIME = 0x10000036;
const MAX_ENTRIES = 10_000;
const MAX_TEXT_BYTES = 65_536;

/** Zeiss laser scanning microscopes (LSM): structure in tag 34412; thumbnails lie between the pages. */
export const zeissLsmVendor: TiffVendor = {
  name: 'Zeiss LSM',
  read({ container, directory, file, context }) {
    const entry = directory?.entries.get(LSM_TAG);
    if (container === null || entry === undefined || entry.byteLength < STRUCTURE_BYTES)
      return null;
    const info = container.bytesOf(entry, STRUCTURE_BYTES);
    if (!MAGIC.has(info.readUInt32LE(0))) return null;
    const scan = readScan(file, info.readUInt32LE(124));
    const time = timeOf(scan.daysSince1899, context.timezone);
    const voxel = [0, 1, 2].map((axis) => info.readDoubleLE(40 + axis * 8));
    const seconds = info.readDoubleLE(112);
    const metadata = new MetadataBuilder()
      .text('Title', scan.texts['Name'])
      .text('Operator', scan.texts['User'])
      .text('User Text', scan.texts['Description'])
      .text('Data Type', 'Confocal_Imaging');
    return vendorAnswer({
      metadata,
      title: scan.texts['Name'] ?? null,
      time,
      axes: axesOfMetres(voxel[0], voxel[1]),
      stack: [
        {
          length: info.readInt32LE(24),
          scale: seconds > 0 ? seconds : 1,
          origin: 0,
          unit: seconds > 0 ? 's' : '',
        },
        {
          length: info.readInt32LE(16),
          scale: Number(((voxel[2] ?? 1) * 1e9).toPrecision(12)),
          origin: 0,
          unit: 'nm',
        },
      ],
      tags: {
        'Voxel Size (m)': voxel.map((size) => (Number.isFinite(size) ? size : String(size))),
        'Dimension X': info.readInt32LE(8),
        'Dimension Y': info.readInt32LE(12),
        'Dimension Z': info.readInt32LE(16),
        Channels: info.readInt32LE(20),
        'Time Points': info.readInt32LE(24),
        ...scan.texts,
      },
    });
  },
};

interface LsmScan {
  readonly texts: Readonly<Record<string, string>>;
  readonly daysSince1899: number | null;
}

/** The recording's own entries; what is nested below it (lasers, tracks) is passed over. */
function readScan(file: FileSource, offset: number): LsmScan {
  const texts: Record<string, string> = {};
  let daysSince1899: number | null = null;
  let at = offset;
  for (let count = 0; count < MAX_ENTRIES && offset >= 8; count += 1) {
    const head = file.readUpTo(at, 12);
    if (head.length < 12) break;
    const id = head.readUInt32LE(0);
    const size = head.readUInt32LE(8);
    if (count === 0 && id !== RECORDING) break;
    if (id === END) break;
    const name = ENTRY_NAMES[id];
    if (name !== undefined && size <= MAX_TEXT_BYTES) {
      const text = fixedText(file.readUpTo(at + 12, size), 0, size);
      if (text !== '') texts[name] = text;
    } else if (id === SAMPLE_TIME && size === 8) {
      const bytes = file.readUpTo(at + 12, 8);
      if (bytes.length === 8) daysSince1899 = bytes.readDoubleLE(0);
    }
    at += 12 + size;
  }
  return { texts, daysSince1899 };
}

/** Days since 30 December 1899, local time. */
function timeOf(days: number | null, timezone: string): FileTime | null {
  if (days === null || !(days > 0 && days < 200_000)) return null;
  const wall = zonedTime(Math.round((days - 25_569) * 86_400) * 1000, 'utc');
  return isoFileTime(
    wall.toISO({ includeOffset: false, suppressMilliseconds: true }) ?? '',
    timezone,
  );
}
