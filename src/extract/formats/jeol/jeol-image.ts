import { AppError } from '../../../errors.js';
import type { ExtractContext, ExtractedFile, FileSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { readNumbers } from '../binary/numeric-type.js';
import { serialDateTime } from '../binary/serial-date.js';
import {
  jeolAsJson,
  jeolNodeAt,
  jeolNumberAt,
  jeolTextAt,
  readJeolTree,
  type JeolArray,
  type JeolNode,
} from './jeol-tree.js';

/** Above this beam energy in kV it is a transmission microscope: the files do not say. */
const MAX_SEM_KV = 30;
const MAX_SIDE = 65_536;

/** SEM or TEM, by the beam energy. */
export function jeolMode(kilovolts: number | null): 'SEM' | 'STEM' {
  return (kilovolts ?? 0) > MAX_SEM_KV ? 'STEM' : 'SEM';
}

/** Reads an electron image (.img) or element map (.map). @throws AppError FORMAT_INVALID when it holds no image. */
export function readJeolImage(file: FileSource, context: ExtractContext): ExtractedFile {
  const tree = readJeolTree(file, file.read(44, 4).readUInt32LE(0) + 12);
  const size = jeolNodeAt(tree, 'Image', 'Size')?.value;
  const [width = 0, height = 0] = size?.kind === 'numbers' ? size.numbers : [];
  const isSide = (length: number): boolean => length > 0 && length <= MAX_SIDE;
  const pixels = pixelsOf(tree);
  if (!isSide(width) || !isSide(height) || pixels === null || pixels.count < width * height) {
    throw new AppError(
      'FORMAT_INVALID',
      `${file.fileName} holds no image of ${width} x ${height} pixels.`,
      { details: { width, height } },
    );
  }
  const instrument = (name: string): number | null => jeolNumberAt(tree, 'Instrument', name);
  const positive = (name: string): number | null =>
    (instrument(name) ?? 0) > 0 ? instrument(name) : null;
  const time = serialDateTime(jeolNumberAt(tree, 'Image', 'Created') ?? 0, context.timezone);
  const title = jeolTextAt(tree, 'Image', 'Title');
  const field = fieldWidth(instrument('ScanSize'), instrument('Mag'));
  const axis = (count: number): { scale: number; origin: number; unit: string } =>
    field === null
      ? { scale: 1, origin: 0, unit: '' }
      : { scale: field / count, origin: 0, unit: 'µm' };
  const isMap = jeolNodeAt(tree, 'Map') !== undefined;
  const mode = jeolMode(instrument('AccV'));
  const metadata = new MetadataBuilder()
    .text('Acquisition Time', time?.iso)
    .text('Title', title)
    .text('Data Type', isMap ? `${mode}_EDS_Map` : `${mode}_Imaging`)
    .text('Data Dimensions', `${height} × ${width}`)
    .text('Signal', isMap ? 'EDS' : title)
    .text('Microscope', jeolTextAt(tree, 'Instrument', 'Name'))
    .number('Acceleration Voltage', positive('AccV'), 'kV')
    .number('Magnification', positive('Mag'))
    .number('Working Distance', positive('WorkD'), 'mm')
    .number('Scan Rotation', instrument('ScanR'), '°')
    .number('Frame Count', jeolNumberAt(tree, 'Map', 'SweepCount'))
    .number('Dwell Time', jeolNumberAt(tree, 'Map', 'DwellTime'), 'ms');
  if (field !== null) {
    metadata
      .number('Pixel Width', field / width, 'µm')
      .number('Pixel Height', field / height, 'µm');
  }
  return {
    format: isMap ? 'JEOL element map' : 'JEOL electron image',
    signals: [
      {
        title,
        type: 'Image',
        role: 'Experimental',
        metadata: metadata.build(),
        shape: [height, width],
        calibration: [axis(height), axis(width)],
        dtype: pixels.type.dtype,
        acquiredMs: time?.epochMs ?? null,
        previewOf: context.previews
          ? () => ({
              kind: 'image',
              ...{ width, height, channels: 1, stretch: 'percentile' },
              pixels: readNumbers(file, { ...pixels, count: width * height }),
              pixelSize: field === null ? null : { size: field / width, unit: 'µm' },
            })
          : null,
      },
    ],
    warnings: typeof time?.warning === 'string' ? [time.warning] : [],
    tags: jeolAsJson(tree),
  };
}

function pixelsOf(tree: JeolNode): JeolArray | null {
  const value = jeolNodeAt(tree, 'Image', 'Bits')?.value;
  return value?.kind === 'array' || value?.kind === 'numbers' ? value.array : null;
}

/** Width of the scan in µm: on a screen of so many mm at the magnification. */
export function fieldWidth(scanSize: number | null, magnification: number | null): number | null {
  if (scanSize === null || magnification === null) return null;
  const width = (scanSize / magnification) * 1e3;
  return width > 0 && Number.isFinite(width) ? width : null;
}
