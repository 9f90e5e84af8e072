import type { AxisCalibration } from '../../../domain/file-metadata.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseIniText } from '../tiff/ini-text.js';
import { dayFirstTime, monthFirstTime } from '../tiff/local-date.js';
import { setMeasured } from '../tiff/measured-text.js';
import { parseExifTime } from '../tiff/tiff-tags.js';
import { tagText, vendorAnswer, type TiffVendor, type TiffVendorInput } from './tiff-vendor.js';

const DESCRIPTION_TAG = 270;
const SOFTWARE_TAG = 305;
const DATE_TIME_TAG = 306;
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_POINTS = 65_536;

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Hamamatsu streak cameras (HPD-TA): `[Section],key=value,key="value"` in the description, axes behind the pixels. */
export const hamamatsuVendor: TiffVendor = {
  name: 'Hamamatsu HPD-TA',
  read(input) {
    const description = tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '';
    if (!/^\s*\[Application\],/.test(description)) return null;
    if (!(tagText(input, SOFTWARE_TAG) ?? 'HPD-TA').startsWith('HPD-TA')) return null;
    const sections = parseDescription(description);
    const value = (section: string, key: string): string | undefined =>
      sections.get(section)?.get(key);
    const time = timeOf(
      `${value('Application', 'Date') ?? ''} ${value('Application', 'Time') ?? ''}`,
      tagText(input, DATE_TIME_TAG) ?? '',
      input.context.timezone,
    );
    const [binningX, binningY] = (value('Acquisition', 'pntBinning') ?? '').split(',');
    const metadata = new MetadataBuilder()
      .text('Acquisition Device', value('Camera', 'CameraName'))
      .text('Detector Name', value('Streak camera', 'DeviceName'))
      .text('Operation Mode', value('Streak camera', 'Mode'))
      .text('Spectrometer', value('Spectrograph', 'DeviceName'))
      .text(
        'Acquisition Software',
        `${value('Application', 'Software') ?? ''} ${value('Application', 'SoftwareVersion') ?? ''}`,
      )
      .text('User Text', value('Comment', 'UserComment'))
      .text('Data Type', 'Streak_Imaging');
    setMeasured(metadata, 'Exposure Time', value('Acquisition', 'ExposureTime'));
    setMeasured(metadata, 'Frame Count', value('Acquisition', 'NrExposure'));
    setMeasured(metadata, 'Central Wavelength', value('Spectrograph', 'Wavelength'), 'nm');
    // A mirror in place of the grating has 0.
    const ruling = value('Spectrograph', 'Ruling');
    setMeasured(metadata, 'Grating Density', ruling === '0' ? null : ruling);
    setMeasured(metadata, 'Binning X', binningX);
    setMeasured(metadata, 'Binning Y', binningY);
    const columns = axisOf(input, sections, 'X', input.layout?.width ?? 0);
    const rows = axisOf(input, sections, 'Y', input.layout?.height ?? 0);
    return vendorAnswer({
      metadata,
      time,
      axes: columns === null || rows === null ? null : { rows, columns },
      tags: Object.fromEntries(
        [...sections].map(([name, keys]) => [name, Object.fromEntries(keys)]),
      ),
    });
  },
};

/** Brings the text into lines of an INI text; sections may follow each other without a line end between them. */
function parseDescription(description: string): Sections {
  const text = description
    .replaceAll(/\[[^\]\r\n"=,]{1,100}\](?=,|\s|$)/g, (section) => `\n${section}\n`)
    .replaceAll(
      /([^=,\r\n]{1,200})=(?:"([^"\r\n]*)"|([^,\r\n]*)),?/g,
      (_whole, key: string, quoted?: string, plain?: string) =>
        `\n${key.trim()}=${quoted ?? plain ?? ''}\n`,
    );
  return parseIniText(text).sections;
}

/**
 * The values of an axis lie as float32 numbers at a place (`#0688212,0672`: offset, count). They are nearly, not quite,
 * evenly spaced (the dispersion of the spectrograph, the sweep of the camera): the line of least squares is given.
 */
function axisOf(
  { container, file }: TiffVendorInput,
  sections: Sections,
  axis: 'X' | 'Y',
  length: number,
): AxisCalibration | null {
  const scaling = sections.get('Scaling');
  const unit = scaling?.get(`Scaling${axis}Unit`) ?? '';
  const place = /^#(\d{1,15}),(\d{1,9})$/.exec(scaling?.get(`Scaling${axis}ScalingFile`) ?? '');
  // In focus mode nothing is swept: rows are only rows.
  if (place === null) return { scale: 1, origin: 0, unit };
  const offset = Number(place[1]);
  if (length < 2 || length > MAX_POINTS || offset + length * 4 > file.sizeBytes) return null;
  const bytes = file.read(offset, length * 4);
  const values = Array.from({ length }, (_, index) =>
    container?.littleEndian === false ? bytes.readFloatBE(index * 4) : bytes.readFloatLE(index * 4),
  );
  const meanIndex = (length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  let covariance = 0;
  let variance = 0;
  for (const [index, value] of values.entries()) {
    covariance += (index - meanIndex) * (value - mean);
    variance += (index - meanIndex) ** 2;
  }
  const scale = covariance / variance;
  return Number.isFinite(scale) && scale !== 0
    ? { scale, origin: mean - scale * meanIndex, unit }
    : null;
}

/** The order of day and month is that of the PC; DateTime, when the file was saved, tells it where it can. */
function timeOf(text: string, saved: string, timezone: string): ReturnType<typeof dayFirstTime> {
  const dayFirst = dayFirstTime(text.trim(), timezone);
  const monthFirst = monthFirstTime(text.trim(), timezone);
  if (dayFirst === null || monthFirst === null) return dayFirst ?? monthFirst;
  const savedMs = parseExifTime(saved, timezone)?.epochMs;
  if (savedMs === undefined) return dayFirst;
  return Math.abs(monthFirst.epochMs - savedMs) < Math.abs(dayFirst.epochMs - savedMs)
    ? monthFirst
    : dayFirst;
}
