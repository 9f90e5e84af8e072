import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseMeasured, setMeasured, unitName } from '../tiff/measured-text.js';
import { decodeText } from '../tiff/tiff-directory.js';
import { parseExifTime } from '../tiff/tiff-tags.js';
import { axesOf, baseName, vendorAnswer, type TiffAxes, type TiffVendor } from './tiff-vendor.js';

const MAX_TEXT_BYTES = 256 * 1024;

const NUMBERS: readonly (readonly [key: string, name: MetadataName, unit?: string])[] = [
  ['CM_ACCEL_VOLT', 'Acceleration Voltage', 'kV'],
  ['CM_MAG', 'Magnification'],
  ['CM_STAGE_POSITION_X', 'Stage X', 'mm'],
  ['SM_WD', 'Working Distance', 'mm'],
  ['SM_EMI_CURRENT', 'Emission Current', 'µA'],
  ['SM_PROBE_CURRENT', 'Beam Current', 'ampere'],
  ['SM_SPOT_SIZE', 'Beam Spot Size'],
  ['SM_SCAN_ROTATION', 'Scan Rotation', '°'],
];

const TEXTS: readonly (readonly [key: string, name: MetadataName])[] = [
  ['CM_INSTRUMENT', 'Microscope'],
  ['CM_OPERATOR', 'Operator'],
  ['CM_SIGNAL', 'Signal'],
  ['CM_SIGNAL_NAME', 'Signal'],
  ['CM_DETECTOR_NAME', 'Detector Name'],
  ['CM_COMMENT', 'User Text'],
  ['CM_TITLE', 'Title'],
];

/**
 * JEOL scanning electron microscopes: the companion `<name>.txt` with lines `$CM_KEY value` and `$$SM_KEY value`,
 * recognised by SEM_DATA_VERSION (CM_LABEL is free text).
 */
export const jeolSemVendor: TiffVendor = {
  name: 'JEOL SEM',
  read({ file, layout, context }) {
    const companion = file.sibling(`${baseName(file)}.txt`);
    if (companion === null) return null;
    const values = parseJeolText(decodeText(companion.readUpTo(0, MAX_TEXT_BYTES)));
    if (!values.has('SEM_DATA_VERSION')) return null;
    const metadata = new MetadataBuilder();
    for (const [key, name, unit] of NUMBERS) setMeasured(metadata, name, values.get(key), unit);
    for (const [key, name] of TEXTS) if (!metadata.has(name)) metadata.text(name, values.get(key));
    const stage = (values.get('CM_STAGE_POSITION') ?? '').split(/\s+/);
    for (const [index, name] of (['Stage X', 'Stage Y', 'Stage Z'] as const).entries()) {
      setMeasured(metadata, name, stage[index], 'mm');
    }
    setMeasured(metadata, 'Stage Rotation', stage[3], '°');
    setMeasured(metadata, 'Stage Alpha', stage[4], '°');
    const stamp = `${values.get('CM_DATE') ?? ''} ${values.get('CM_TIME') ?? ''}`;
    const time = parseExifTime(stamp, context.timezone);
    metadata.text('Data Type', 'SEM_Imaging');
    const pictureRows = Number((values.get('CM_FULL_SIZE') ?? '').split(/\s+/)[1]);
    const height = layout?.height ?? 0;
    return vendorAnswer({
      metadata,
      time,
      axes: axesFrom(values),
      pictureHeight: pictureRows > 0 && pictureRows < height ? pictureRows : null,
      tags: Object.fromEntries(values),
    });
  },
};

/** Key without its dollar signs to the rest of the line. */
function parseJeolText(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r\n|\r|\n/)) {
    const match = /^\$?\$([A-Z0-9_]+)(?:[ \t]+(.*))?$/.exec(line.trimEnd());
    if (match?.[1] !== undefined) values.set(match[1], (match[2] ?? '').trim());
  }
  return values;
}

/** The scale bar: so many pixels, so long. */
function axesFrom(values: ReadonlyMap<string, string>): TiffAxes | null {
  const pixels = parseMeasured(values.get('SM_MICRON_BAR'));
  const marker = parseMeasured(values.get('SM_MICRON_MARKER'));
  if (pixels === null || marker === null || pixels.value <= 0) return null;
  const size = Number((marker.value / pixels.value).toPrecision(12));
  return axesOf(size, size, unitName(marker.unit));
}
