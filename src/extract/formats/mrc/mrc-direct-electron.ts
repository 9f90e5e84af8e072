import type { FileSource } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { unixTime } from '../binary/serial-date.js';
import { decodeText } from '../tiff/tiff-directory.js';

/** What Direct Electron's server writes beside a movie: `key = value`, a line each; -1 is "not set". */
export interface DirectElectronInfo {
  readonly values: ReadonlyMap<string, string>;
  /** Of one pixel in x and y; null: not stated. */
  readonly pixelSize: { readonly x: number; readonly y: number; readonly unit: string } | null;
  /** Positions of a raster scan in x and y; null: nothing was scanned. */
  readonly scan: { readonly x: number; readonly y: number } | null;
  /** nm between positions of the scan; null: not stated. */
  readonly scanStep: { readonly x: number; readonly y: number } | null;
  readonly isDiffraction: boolean;
  /** Seconds between the frames of a movie; null: not stated. */
  readonly frameSeconds: number | null;
  readonly time: FileTime | null;
}

const MAX_INFO_BYTES = 1024 * 1024;
const MAX_LINES = 5000;

/** The info file of a movie, by the names that the server gives: `<date>_<number>_movie.mrc` has `<date>_<number>_info.txt`. */
export function readDirectElectronInfo(
  file: FileSource,
  timezone: string,
): DirectElectronInfo | null {
  const stem = file.fileName.replace(/\.[^.]*$/, '');
  for (const name of [stem, stem.replace(/_[^_]+$/, '')]) {
    const beside = file.sibling(`${name}_info.txt`);
    if (beside === null) continue;
    const values = new Map<string, string>();
    const lines = decodeText(beside.readUpTo(0, MAX_INFO_BYTES)).split(/\r\n|\r|\n/);
    for (const line of lines.slice(0, MAX_LINES)) {
      const equals = line.indexOf('=');
      if (equals > 0) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    }
    if (values.size > 0) return infoOf(values, timezone);
  }
  return null;
}

/** A number above 0; null: not set. */
function positive(values: ReadonlyMap<string, string>, key: string): number | null {
  const text = values.get(key);
  const value = text === undefined || text === '' || text.length > 64 ? NaN : Number(text);
  return value > 0 && Number.isFinite(value) ? value : null;
}

function infoOf(values: ReadonlyMap<string, string>, timezone: string): DirectElectronInfo {
  const number = (key: string): number | null => positive(values, key);
  const pair = (x: number | null, y: number | null): { x: number; y: number } | null =>
    x === null || y === null ? null : { x, y };
  const isScanning =
    values.get('Scan - Enable') === 'Enable' &&
    (values.get('Scan - Type') ?? 'Raster') === 'Raster';
  const scan = isScanning ? pair(number('Scan - Size X'), number('Scan - Size Y')) : null;
  const isDiffraction =
    scan !== null || number('Instrument Project Camera Length (centimeters)') !== null;
  const specimen = pair(
    number('Specimen Pixel Size X (nanometers)'),
    number('Specimen Pixel Size Y (nanometers)'),
  );
  const reciprocal = pair(number('Diffraction Pixel Size X'), number('Diffraction Pixel Size Y'));
  const rate = number('Frames Per Second');
  const size = isDiffraction ? reciprocal : specimen;
  return {
    values,
    pixelSize: size === null ? null : { ...size, unit: isDiffraction ? '1/nm' : 'nm' },
    scan,
    scanStep: scan === null ? null : specimen,
    isDiffraction,
    frameSeconds: rate === null ? null : (number('Autosave Movie Sum Count') ?? 1) / rate,
    time: unixTime(number('Timestamp (seconds since Epoch)') ?? 0, timezone),
  };
}

/** Adds what the info file says. */
export function addDirectElectronMetadata(
  metadata: MetadataBuilder,
  { values, frameSeconds, time }: DirectElectronInfo,
): void {
  const number = (key: string): number | null => positive(values, key);
  const cameraLength = number('Instrument Project Camera Length (centimeters)');
  metadata
    .camera(values.get('Camera Model') ?? values.get('Camera Name'))
    .text('Acquisition Time', time?.iso)
    .number('Exposure Time', frameSeconds, 's')
    .number('Magnification', number('Instrument Project Magnification'))
    .number('Camera Length', cameraLength === null ? null : cameraLength * 10, 'mm')
    .number('Acceleration Voltage', number('Instrument Acceleration Voltage (kV)'), 'kV');
}
