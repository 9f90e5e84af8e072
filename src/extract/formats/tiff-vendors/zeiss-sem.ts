import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { namedMonthTime } from '../tiff/local-date.js';
import { parseMeasured, setMeasured } from '../tiff/measured-text.js';
import {
  axesOfMetres,
  tagText,
  vendorAnswer,
  type TiffAxes,
  type TiffVendor,
} from './tiff-vendor.js';

/** CZ_SEM. */
const ZEISS_TAG = 34118;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** The pixel size in the header is that of a picture of this width. */
const HEADER_WIDTH = 1024;
/** Place of the pixel size (m) among the numbers of the header. */
const HEADER_PIXEL_SIZE = 3;

const NUMBERS: readonly (readonly [identifier: string, name: MetadataName, unit?: string])[] = [
  ['AP_ACTUALKV', 'Acceleration Voltage', 'kV'],
  ['AP_IPROBE', 'Beam Current'],
  ['AP_COLLECTOR_BIAS', 'Detector Voltage', 'V'],
  ['AP_FRAME_AVERAGE_COUNT', 'Frame Count'],
  ['AP_FRAME_TIME', 'Frame Time'],
  ['DP_DWELL_TIME', 'Dwell Time'],
  ['AP_HEIGHT', 'Vertical Field Width'],
  ['AP_WIDTH', 'Horizontal Field Width'],
  ['AP_CHAMBER_PRESSURE', 'Chamber Pressure'],
  ['AP_SYSTEM_VAC', 'Chamber Pressure'],
  ['AP_STAGE_AT_R', 'Stage Rotation', '°'],
  ['AP_STAGE_AT_T', 'Stage Alpha', '°'],
  ['AP_STAGE_AT_X', 'Stage X'],
  ['AP_STAGE_AT_Y', 'Stage Y'],
  ['AP_STAGE_AT_Z', 'Stage Z'],
  ['AP_SCANROTATION', 'Scan Rotation', '°'],
  ['AP_STIG_X', 'Stigmator X'],
  ['AP_STIG_Y', 'Stigmator Y'],
  ['AP_WD', 'Working Distance', 'mm'],
];

const TEXTS: readonly (readonly [identifier: string, name: MetadataName])[] = [
  ['DP_DETECTOR_CHANNEL', 'Detector Name'],
  ['DP_DETECTOR_TYPE', 'Detector Name'],
  ['DP_OPERATING_MODE', 'Operation Mode'],
  ['DP_VAC_MODE', 'Vacuum Mode'],
  ['SV_OPERATOR', 'Operator'],
  ['SV_USER_NAME', 'Operator'],
  ['SV_SERIAL_NUMBER', 'Microscope'],
  ['SV_SAMPLE_ID', 'Specimen'],
  ['SV_USER_TEXT', 'User Text'],
];

/** The text of the tag taken apart. */
interface ZeissText {
  /** The bare numbers before the first identifier. */
  readonly header: readonly number[];
  /** Identifier to label and value. */
  readonly entries: ReadonlyMap<string, { readonly label: string; readonly value: string }>;
}

/** Zeiss scanning electron microscopes (SmartSEM): text in tag 34118. */
export const zeissSemVendor: TiffVendor = {
  name: 'Zeiss SEM',
  read(input) {
    const text = tagText(input, ZEISS_TAG, MAX_TEXT_BYTES);
    if (text === null) return null;
    const zeiss = parseZeissText(text);
    if (zeiss.entries.size === 0) return null;
    const value = (identifier: string): string | null =>
      zeiss.entries.get(identifier)?.value ?? null;
    const metadata = new MetadataBuilder();
    for (const [identifier, name, unit] of NUMBERS) {
      if (!metadata.has(name)) setMeasured(metadata, name, value(identifier), unit);
    }
    for (const [identifier, name] of TEXTS) {
      if (!metadata.has(name)) metadata.text(name, value(identifier));
    }
    const stamp = `${value('AP_DATE') ?? ''} ${value('AP_TIME') ?? ''}`;
    const time = namedMonthTime(stamp, input.context.timezone);
    metadata
      .number('Magnification', magnificationOf(value('AP_MAG')))
      .text('Acquisition Software', value('SV_VERSION'))
      .text('Data Type', 'SEM_Imaging');
    return vendorAnswer({
      metadata,
      time,
      axes: axesFrom(zeiss, input.layout?.width ?? 0),
      // SmartSEM saves 8 bits with what the screen shows, its data zone among it, and says nowhere how high that is or
      // whether it was left out; pictures of 16 bits are the plain values.
      hasOwnScaleBar: input.layout?.dtype === 'uint8',
      tags: {
        Header: zeiss.header,
        ...Object.fromEntries(
          [...zeiss.entries].map(([name, entry]) => [name, `${entry.label} = ${entry.value}`]),
        ),
      },
    });
  },
};

/**
 * Bare numbers, then pairs of lines: an identifier, and `Label = value` or `Label :value`. A line of capitals that an
 * identifier line already waits for is its value.
 */
function parseZeissText(text: string): ZeissText {
  const header: number[] = [];
  const entries = new Map<string, { label: string; value: string }>();
  let identifier: string | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const parts = /^([^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (identifier !== null && parts !== null) {
      entries.set(identifier, { label: parts[1] ?? '', value: parts[2] ?? '' });
      identifier = null;
    } else if (/^[A-Z]{2}_[A-Z0-9_]+$/.test(line.trim())) {
      identifier = line.trim();
    } else if (entries.size === 0 && header.length < 256) {
      const number = parseMeasured(line);
      if (number?.unit === '') header.push(number.value);
    }
  }
  return { header, entries };
}

/** The header is exact and in all versions; the labelled sizes are rounded to four digits. */
function axesFrom({ header, entries }: ZeissText, width: number): TiffAxes | null {
  const inHeader = header[HEADER_PIXEL_SIZE] ?? 0;
  if (inHeader > 0 && inHeader < 1 && width > 0) {
    const metres = (inHeader * HEADER_WIDTH) / width;
    return axesOfMetres(metres, metres);
  }
  const labelled = new MetadataBuilder();
  setMeasured(labelled, 'Pixel Width', entries.get('AP_IMAGE_PIXEL_SIZE')?.value);
  const size = labelled.build()['Pixel Width']?.value;
  return typeof size === 'number' ? axesOfMetres(size * 1e-9, size * 1e-9) : null;
}

/** `50.00 K X`, `104 X`, `1.2 M X`. */
function magnificationOf(text: string | null): number | null {
  const measured = parseMeasured(text);
  if (measured === null) return null;
  const factor = { K: 1000, M: 1_000_000 }[measured.unit.slice(0, 1)] ?? 1;
  return Number((measured.value * factor).toPrecision(12));
}
