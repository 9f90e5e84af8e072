import { AppError } from '../../../errors.js';
import type { ExtractContext, ExtractedFile, FileSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { serialDateTime } from '../binary/serial-date.js';
import { MAX_POSITIONS, summedPreview } from '../binary/spectrum-sums.js';
import { JEOL_CHANNELS, sumJeolEvents } from './jeol-events.js';
import { fieldWidth, jeolMode } from './jeol-image.js';
import {
  jeolAsJson,
  jeolNodeAt,
  jeolNumberAt,
  jeolTextAt,
  readJeolTree,
  type JeolNode,
} from './jeol-tree.js';

const DATE_OFFSET = 296;
const DATA = ['PTTD Data', 'AnalyzableMap MeasData'] as const;
const MICROSCOPE = ['PTTD Param', 'Params', 'PARAMPAGE0_SEM'] as const;
const DETECTOR = ['PTTD Param', 'Params', 'PARAMPAGE1_EDXRF'] as const;

/** Reads a spectrum image (.pts). @throws AppError FORMAT_INVALID when its size is not stated. */
export function readJeolMap(file: FileSource, context: ExtractContext): ExtractedFile {
  const head = file.read(0, DATE_OFFSET + 8);
  const tree = readJeolTree(file, head.readUInt32LE(20) + 12);
  const offset = head.readUInt32LE(28);
  const pixels = /^(\d{1,5})x(\d{1,5})$/.exec(
    jeolTextAt(tree, ...DATA, 'Meas Cond', 'Pixels') ?? '',
  );
  const [width, height] = [Number(pixels?.[1] ?? 0), Number(pixels?.[2] ?? 0)];
  if (!(width > 0 && height > 0 && width * height <= MAX_POSITIONS) || offset > file.sizeBytes) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} holds no map of ${width} x ${height}.`, {
      details: { width, height, offset },
    });
  }
  const time = serialDateTime(head.readDoubleLE(DATE_OFFSET), context.timezone);
  const measured = (...path: readonly string[]): number | null =>
    jeolNumberAt(tree, ...DATA, ...path);
  const field = fieldWidth(
    jeolNumberAt(tree, ...MICROSCOPE, 'ScanSize'),
    measured('MeasCond', 'Mag'),
  );
  const axis = (count: number): { scale: number; origin: number; unit: string } =>
    field === null
      ? { scale: 1, origin: 0, unit: '' }
      : { scale: field / count, origin: 0, unit: 'µm' };
  const energy = energyAxis(tree);
  const metadata = metadataOf(tree)
    .text('Acquisition Time', time?.iso)
    .text('Data Dimensions', `${height} × ${width} × ${JEOL_CHANNELS}`)
    .number('Energy Dispersion', energy.unit === '' ? null : energy.scale, 'keV')
    .number('Energy Offset', energy.unit === '' ? null : energy.origin, 'keV');
  if (field !== null) {
    metadata
      .number('Pixel Width', field / width, 'µm')
      .number('Pixel Height', field / height, 'µm');
  }
  return {
    format: 'JEOL spectrum image',
    signals: [
      {
        title: null,
        type: 'SpectrumImage',
        role: 'Experimental',
        metadata: metadata.build(),
        shape: [height, width, JEOL_CHANNELS],
        calibration: [axis(height), axis(width), energy],
        // Single X-rays are stored, not numbers of them; a byte holds the counts of a position.
        dtype: 'uint8',
        acquiredMs: time?.epochMs ?? null,
        previewOf: context.previews
          ? () => {
              const sweeps = Math.max(1, measured('Doc', 'Sweep') ?? 1);
              const sums = sumJeolEvents(file, { offset, width, height, sweeps });
              const pixelSize = field === null ? null : { size: field / width, unit: 'µm' };
              return summedPreview(sums, { width, height, pixelSize }, energy);
            }
          : null,
      },
    ],
    warnings: typeof time?.warning === 'string' ? [time.warning] : [],
    tags: jeolAsJson(tree),
  };
}

/** keV: CoefA a channel, zero energy at channel DigZ of the pulse shape that was chosen (template). */
function energyAxis(tree: JeolNode): { scale: number; origin: number; unit: string } {
  const template = jeolTextAt(tree, ...DATA, 'Meas Cond', 'Tpl') ?? '';
  const scale = jeolNumberAt(tree, ...DATA, 'Doc', 'CoefA');
  const start = jeolNumberAt(tree, ...DATA, 'Doc', 'CoefB');
  const zero = jeolNumberAt(tree, ...DETECTOR, 'Tpl', template, 'DigZ');
  return scale === null || start === null || zero === null
    ? { scale: 1, origin: 0, unit: '' }
    : { scale, origin: start - scale * zero, unit: 'keV' };
}

function metadataOf(tree: JeolNode): MetadataBuilder {
  const positive = (...path: readonly string[]): number | null => {
    const value = jeolNumberAt(tree, ...path);
    return value !== null && value > 0 ? value : null;
  };
  const condition = (name: string): number | null => positive(...DATA, 'MeasCond', name);
  const documented = (name: string): number | null => positive(...DATA, 'Doc', name);
  const microscope = (name: string): number | null => jeolNumberAt(tree, ...MICROSCOPE, name);
  const node = jeolNodeAt(tree, ...MICROSCOPE);
  return new MetadataBuilder()
    .text('Data Type', `${jeolMode(condition('AccKV'))}_EDS_Spectrum_Imaging`)
    .text('Signal', 'EDS')
    .text('Microscope', jeolTextAt(node, 'SEM'))
    .text('Detector Name', jeolTextAt(node, 'DetT'))
    .number('Acceleration Voltage', condition('AccKV'), 'kV')
    .number('Magnification', condition('Mag'))
    .number('Working Distance', condition('WD'), 'mm')
    .number('Scan Rotation', jeolNumberAt(tree, ...DATA, 'MeasCond', 'ScanR'), '°')
    .number('Azimuthal Angle', microscope('DirAng'), '°')
    .number('Elevation Angle', microscope('ElevAng'), '°')
    .number('Detector Resolution', microscope('MnKaRES'), 'eV')
    .number('Live Time', documented('LiveTime'), 's')
    .number('Real Time', documented('RealTime'), 's')
    .number('Dead Time', jeolNumberAt(tree, ...DATA, 'Doc', 'DeadTime'), '%')
    .number('Count Rate', documented('CountRate'))
    .number('Dwell Time', documented('DwellTime(msec)'), 'ms')
    .number('Frame Count', documented('Sweep'));
}
