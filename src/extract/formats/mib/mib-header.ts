import type { Buffer } from 'node:buffer';
import type { FileSource } from '../../extractor.js';
import { fileTimeOf, isoFileTime, type FileTime } from '../../file-time.js';
import { NUMERIC_TYPES, type NumericType } from '../binary/numeric-type.js';
import { decodeText } from '../tiff/tiff-directory.js';

/** The header before each frame (Quantum Detectors, "Merlin user manual"): fields divided by commas. */
export interface MibHeader {
  /** Bytes before the pixels. */
  readonly headerBytes: number;
  readonly width: number;
  readonly height: number;
  /** Null: raw mode, pixels packed as they leave the chips. */
  readonly type: NumericType | null;
  readonly chips: number;
  /** `1x1`, `2x2`. */
  readonly layout: string;
  readonly exposureSeconds: number | null;
  /** keV. */
  readonly thresholds: readonly number[];
  /** Wall clock, or with an offset where the extended header has it. */
  readonly stamp: string;
  readonly fields: readonly string[];
}

const MAX_HEADER_BYTES = 65_536;
const MAX_SIDE = 65_536;
const MAX_SIDECAR_BYTES = 1024 * 1024;
const MAX_LINES = 2000;
const FIRST_THRESHOLD = 14;
const THRESHOLDS = 8;

const TYPES: ReadonlyMap<string, NumericType> = new Map<string, NumericType>([
  ['U08', NUMERIC_TYPES.uint8],
  ['U8', NUMERIC_TYPES.uint8],
  ['U16', NUMERIC_TYPES.uint16],
  ['U32', NUMERIC_TYPES.uint32],
  ['U64', NUMERIC_TYPES.uint64],
]);

/** Reads a frame's header from the first bytes of a file; null: it is none. */
export function parseMibHeader(bytes: Buffer): MibHeader | null {
  if (!/^MQ1,\d/.test(bytes.toString('latin1', 0, 8))) return null;
  const start = bytes.toString('latin1', 0, 64).split(',');
  const headerBytes = Number(start[2]);
  if (!(headerBytes >= 64 && headerBytes <= MAX_HEADER_BYTES)) return null;
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, headerBytes));
  const fields = text
    .replaceAll('\0', '')
    .split(',')
    .map((field) => field.trim());
  const [width, height] = [Number(fields[4]), Number(fields[5])];
  const kind = fields[6]?.toUpperCase() ?? '';
  const type = TYPES.get(kind) ?? null;
  const isSide = (length: number): boolean =>
    Number.isInteger(length) && length > 0 && length <= MAX_SIDE;
  if (!isSide(width) || !isSide(height) || (type === null && kind !== 'R64')) return null;
  const exposure = Number(fields[10] ?? 'none');
  const extended = fields.indexOf('MQ1A');
  return {
    ...{ headerBytes, width, height, type, fields },
    chips: Number(fields[3] ?? 0),
    layout: fields[7] ?? '',
    exposureSeconds: exposure > 0 && Number.isFinite(exposure) ? exposure : null,
    thresholds: fields
      .slice(FIRST_THRESHOLD, FIRST_THRESHOLD + THRESHOLDS)
      .map(Number)
      .filter((value) => Number.isFinite(value)),
    stamp: (extended < 0 ? null : fields[extended + 1]) ?? fields[9] ?? '',
  };
}

/** When a frame was recorded. */
export function mibTime({ stamp }: MibHeader, timezone: string): FileTime | null {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z?)$/.exec(stamp);
  if (match === null) return null;
  const [, date = '', clock = '', fraction, zone = ''] = match;
  const milliseconds = fraction === undefined ? '' : `.${fraction.slice(0, 3).padEnd(3, '0')}`;
  return isoFileTime(`${date}T${clock}${milliseconds}${zone}`, timezone);
}

/** The .hdr beside the data: `key: value`, a line each, between HDR and End. */
export function readMibSidecar(file: FileSource): ReadonlyMap<string, string> | null {
  const beside = file.sibling(file.fileName.replace(/\.[^.]*$/, '.hdr'));
  if (beside === null) return null;
  const values = new Map<string, string>();
  const lines = decodeText(beside.readUpTo(0, MAX_SIDECAR_BYTES)).split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, MAX_LINES)) {
    const colon = line.indexOf(':');
    if (colon > 0) values.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return values.size === 0 ? null : values;
}

/** `18/03/2021 14:01:30`: day, month, year as the key says. */
export function sidecarTime(
  values: ReadonlyMap<string, string>,
  timezone: string,
): FileTime | null {
  const text = values.get('Time and Date Stamp (day, mnth, yr, hr, min, s)') ?? '';
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})/.exec(text);
  if (match === null) return null;
  const [day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  return fileTimeOf({ year, month, day, hour, minute, second }, timezone);
}
