import { isoFileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import type { JsonValue } from '../../extractor.js';
import { setMeasured } from '../tiff/measured-text.js';
import { axesOf, tagText, vendorAnswer, type TiffVendor } from './tiff-vendor.js';

/** MicroManagerMetadata: JSON of the page. */
const METADATA_TAG = 51123;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Micro-Manager: JSON in tag 51123 of each page. */
export const microManagerVendor: TiffVendor = {
  name: 'Micro-Manager',
  read(input) {
    const text = tagText(input, METADATA_TAG, MAX_TEXT_BYTES);
    const values = text === null ? null : parseObject(text);
    if (values === null) return null;
    const first = (...keys: readonly string[]): string | null => {
      for (const key of keys) {
        const value = values[key];
        if (typeof value === 'string' && value !== '') return value;
        if (typeof value === 'number') return String(value);
      }
      return null;
    };
    // `2013-06-18 15:42:31 -0700`; newer versions name it ReceivedTime.
    const time = isoFileTime(first('Time', 'ReceivedTime') ?? '', input.context.timezone);
    const camera = first('Core-Camera', 'Camera');
    const metadata = new MetadataBuilder()
      .camera(camera)
      .text('Acquisition Software', 'Micro-Manager')
      .text('Signal', first('Channel'));
    setMeasured(metadata, 'Exposure Time', first('Exposure-ms'), 'ms');
    setMeasured(metadata, 'Binning X', first('Binning', `${camera ?? ''}-Binning`));
    setMeasured(metadata, 'Binning Y', first('Binning', `${camera ?? ''}-Binning`));
    setMeasured(metadata, 'Stage X', first('XPositionUm'), 'µm');
    setMeasured(metadata, 'Stage Y', first('YPositionUm'), 'µm');
    setMeasured(metadata, 'Stage Z', first('ZPositionUm'), 'µm');
    const size = Number(first('PixelSizeUm', 'PixelSize_um') ?? 0);
    return vendorAnswer({
      metadata,
      time,
      axes: axesOf(size, size, 'µm'),
      tags: values,
    });
  },
};

function parseObject(text: string): Readonly<Record<string, JsonValue>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** What JSON.parse gave is JSON: only that it is an object has to be seen. */
function isJsonObject(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
