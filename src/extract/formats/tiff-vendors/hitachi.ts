import type { FileSource } from '../../extractor.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseIniText } from '../tiff/ini-text.js';
import { parseMeasured, parseNumber, setMeasured } from '../tiff/measured-text.js';
import { decodeText } from '../tiff/tiff-directory.js';
import { parseExifTime } from '../tiff/tiff-tags.js';
import { axesOf, baseName, vendorAnswer, type TiffVendor } from './tiff-vendor.js';

const MAX_TEXT_BYTES = 256 * 1024;
const SECTIONS = ['SemImageFile', 'TemImageFile'] as const;

const NUMBERS: readonly (readonly [key: string, name: MetadataName, unit?: string])[] = [
  ['AcceleratingVoltage', 'Acceleration Voltage', 'V'],
  ['EmissionCurrent', 'Emission Current', 'nA'],
  ['Magnification', 'Magnification'],
  ['WorkingDistance', 'Working Distance', 'µm'],
  ['StagePositionX', 'Stage X', 'nm'],
  ['StagePositionY', 'Stage Y', 'nm'],
  ['StagePositionZ', 'Stage Z', 'nm'],
  ['StagePositionR', 'Stage Rotation', '°'],
  ['StagePositionT', 'Stage Alpha', '°'],
];

const TEXTS: readonly (readonly [key: string, name: MetadataName])[] = [
  ['InstructName', 'Microscope'],
  ['Instrument name', 'Microscope'],
  ['SampleName', 'Specimen'],
  ['SignalName', 'Signal'],
  ['Vacuum', 'Vacuum Mode'],
  ['DataDisplayCombine', 'Acquisition Mode'],
];

/** Hitachi microscopes: the companion `<name>.txt` with the section SemImageFile or TemImageFile. */
export const hitachiVendor: TiffVendor = {
  name: 'Hitachi',
  read({ file, context, layout }) {
    const companion = file.sibling(`${baseName(file)}.txt`);
    if (companion === null) return null;
    const { sections } = parseIniText(textOfCompanion(companion));
    const section = SECTIONS.find((name) => sections.has(name));
    const values = section === undefined ? undefined : sections.get(section);
    if (section === undefined || values === undefined) return null;
    const metadata = new MetadataBuilder();
    for (const [key, name, unit] of NUMBERS) setMeasured(metadata, name, values.get(key), unit);
    for (const [key, name] of TEXTS) if (!metadata.has(name)) metadata.text(name, values.get(key));
    const stamp = `${values.get('Date') ?? ''} ${values.get('Time') ?? ''}`;
    const time = parseExifTime(stamp, context.timezone);
    const isScanning = section === 'SemImageFile';
    metadata.text('Data Type', isScanning ? 'SEM_Imaging' : 'TEM_Imaging');
    const [, stated] = (values.get('DataSize') ?? '').split('x');
    const rows = parseNumber(stated) ?? 0;
    // The size is that of a pixel in nm; without unit in every file seen described.
    const size = parseMeasured(values.get('PixelSize'));
    return vendorAnswer({
      metadata,
      time,
      axes: axesOf(size?.value, size?.value, 'nm'),
      pictureHeight: rows > 0 && rows < (layout?.height ?? 0) ? rows : null,
      tags: { [section]: Object.fromEntries(values) },
    });
  },
};

/** Some programs write UTF-16 with its byte order mark. */
function textOfCompanion(companion: FileSource): string {
  const bytes = companion.readUpTo(0, MAX_TEXT_BYTES);
  const mark = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
  return mark === 0xfffe ? bytes.toString('utf16le', 2) : decodeText(bytes);
}
