import { MetadataBuilder } from '../../harmonise.js';
import { parseNumber } from '../tiff/measured-text.js';
import {
  axesOf,
  tagNumber,
  tagText,
  vendorAnswer,
  type TiffAxes,
  type TiffStackAxis,
  type TiffVendor,
  type TiffVendorInput,
} from './tiff-vendor.js';

const DESCRIPTION_TAG = 270;
const X_RESOLUTION_TAG = 282;
const Y_RESOLUTION_TAG = 283;
const MAX_TEXT_BYTES = 1024 * 1024;

/** Units as ImageJ spells them; `\u00B5m` is how it escapes letters outside ASCII. */
const UNITS: Readonly<Record<string, string>> = {
  micron: 'µm',
  microns: 'µm',
  um: 'µm',
  '\\u00B5m': 'µm',
  '\\u03BCm': 'µm',
  sec: 's',
  pixel: '',
  pixels: '',
};

/** ImageJ and Fiji: `key=value` lines in the description, scale in the resolution tags, in the unit named there. */
export const imagejVendor: TiffVendor = {
  name: 'ImageJ',
  read(input) {
    const description = tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '';
    if (!description.startsWith('ImageJ=')) return null;
    const values = new Map<string, string>();
    for (const line of description.split(/\r\n|\r|\n/)) {
      const equals = line.indexOf('=');
      if (equals > 0) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    }
    const written = values.get('unit') ?? '';
    const unit = UNITS[written] ?? written;
    const images = parseNumber(values.get('images')) ?? 1;
    return vendorAnswer({
      metadata: new MetadataBuilder().text(
        'Acquisition Software',
        `ImageJ ${values.get('ImageJ') ?? ''}`,
      ),
      axes: axesFrom(input, values, unit),
      stack: stackOf(values, unit),
      // Beyond 4 GB the program writes one directory and lets the other images follow the first.
      planes: input.pages === 1 && Number.isInteger(images) && images > 1 ? images : 1,
      tags: Object.fromEntries(values),
    });
  },
};

function axesFrom(
  input: TiffVendorInput,
  values: ReadonlyMap<string, string>,
  unit: string,
): TiffAxes | null {
  const x = tagNumber(input, X_RESOLUTION_TAG);
  const y = tagNumber(input, Y_RESOLUTION_TAG);
  if (x === null || y === null || unit === '') return null;
  const axes = axesOf(1 / x, 1 / y, unit);
  if (axes === null) return null;
  const origin = (key: string): number => parseNumber(values.get(key)) ?? 0;
  return {
    // The origins are in pixels.
    columns: { ...axes.columns, origin: 0 - origin('xorigin') * axes.columns.scale + 0 },
    rows: { ...axes.rows, origin: 0 - origin('yorigin') * axes.rows.scale + 0 },
  };
}

/** Channels are the fastest of the axes over pages, then slices, then frames. */
function stackOf(values: ReadonlyMap<string, string>, unit: string): TiffStackAxis[] {
  const length = (key: string): number => parseNumber(values.get(key)) ?? 1;
  const spacing = parseNumber(values.get('spacing'));
  const interval = parseNumber(values.get('finterval'));
  return [
    {
      length: length('frames'),
      scale: interval ?? 1,
      origin: 0,
      unit: interval === null ? '' : (values.get('tunit') ?? 's'),
    },
    {
      length: length('slices'),
      scale: spacing ?? 1,
      origin: 0,
      unit: spacing === null ? '' : unit,
    },
    { length: length('channels'), scale: 1, origin: 0, unit: '' },
  ];
}
