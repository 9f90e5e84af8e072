import { isoFileTime, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import type { DicomValues } from './dicom-values.js';

const ACQUISITION_DATE_TIME = 'x0008002a';
const OFFSET_FROM_UTC = 'x00080201';
/** Dates with their times, the closest to the acquisition first. */
const DATES = [
  ['x00080022', 'x00080032'],
  ['x00080023', 'x00080033'],
  ['x00080021', 'x00080031'],
  ['x00080020', 'x00080030'],
] as const;

/** The harmonised metadata; who and whose specimen only where identity is wanted. */
export function dicomMetadata(values: DicomValues, withIdentity: boolean): MetadataBuilder {
  const maker = values.text('x00080070');
  const model = values.text('x00081090');
  const modality = values.text('x00080060');
  const microscope = [maker, model].filter((part) => part !== null).join(' ');
  const metadata = new MetadataBuilder()
    .text('Microscope', microscope)
    .text('Acquisition Software', values.texts('x00181020').join(' '))
    .text('Data Type', modality === null ? null : `${modality}_Imaging`)
    .number('Acceleration Voltage', positive(values.number('x00180060')), 'kV')
    .number('Exposure Time', positive(values.number('x00181150')), 'ms')
    .number('Frame Count', positive(values.number('x00280008')))
    .number('Frame Time', positive(values.number('x00181063')), 'ms')
    .number('Magnification', positive(opticalMagnification(values)));
  if (withIdentity) {
    metadata
      .text('Operator', values.text('x00081070')?.replaceAll('^', ' '))
      .text(
        'Specimen',
        (values.text('x00100010') ?? values.text('x00100020'))?.replaceAll('^', ' '),
      )
      .text('Title', values.text('x0008103e') ?? values.text('x00081030'))
      .text('User Text', values.text('x00204000'));
  }
  return metadata;
}

function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}

function opticalMagnification(values: DicomValues): number | null {
  return values.items('x00480105', 1)[0]?.number('x00480112') ?? null;
}

/** When the data were acquired: with the offset the file names, or else in the instrument's zone; null: it does not say. */
export function dicomTime(values: DicomValues, timezone: string): FileTime | null {
  const offset = values.text(OFFSET_FROM_UTC) ?? '';
  const moment = values.text(ACQUISITION_DATE_TIME) ?? '';
  const stated = /[+-]\d{4}$/.exec(moment)?.[0] ?? offset;
  const whole = timeOf(
    moment.slice(0, 8),
    moment.slice(8).replace(/[+-]\d{4}$/, ''),
    stated,
    timezone,
  );
  if (whole !== null) return whole;
  for (const [date, time] of DATES) {
    const found = timeOf(values.text(date) ?? '', values.text(time) ?? '', offset, timezone);
    if (found !== null) return found;
  }
  return null;
}

/** `20040826` (or `2004.08.26` in files before 1993) and `185059.25`. */
function timeOf(date: string, time: string, offset: string, timezone: string): FileTime | null {
  const day = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date);
  const clock = /^(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?$/.exec(time);
  if (day === null || clock === null) return null;
  const [, hour, minute = '00', second = '00', fraction = ''] = clock;
  const suffix = /^[+-]\d{4}$/.test(offset) ? offset : '';
  // A leap second is that after it.
  const seconds = second === '60' ? '59' : second;
  return isoFileTime(
    `${day[1] ?? ''}-${day[2] ?? ''}-${day[3] ?? ''}T${hour ?? ''}:${minute}:${seconds}${fraction}${suffix}`,
    timezone,
  );
}
