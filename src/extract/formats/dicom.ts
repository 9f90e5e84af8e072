import type { AxisCalibration } from '../../domain/file-metadata.js';
import type { ExtractContext, ExtractedFile, ExtractedSignal, Extractor } from '../extractor.js';
import { beginsLikeDataSet, readDicomFile, type DicomFile } from './dicom/dicom-file.js';
import { dicomLayout, type DicomLayout } from './dicom/dicom-layout.js';
import { dicomMetadata, dicomTime } from './dicom/dicom-metadata.js';
import { dicomPixelWay } from './dicom/dicom-pixels.js';
import { dicomPreview } from './dicom/dicom-preview.js';
import { dicomTags } from './dicom/dicom-tags.js';
import { DicomValues } from './dicom/dicom-values.js';

const EXTENSIONS = ['.dcm', '.dicom', '.ima'];
const BURNED_IN_ANNOTATION = 'x00280301';
const SHARED_GROUPS = 'x52009229';
const PIXEL_MEASURES = 'x00289110';
/** Spacing of rows and of columns in mm, the most certain first. */
const SPACINGS = ['x00280030', 'x00182010', 'x00181164', 'x30020011'] as const;
const BETWEEN_SLICES = 'x00180088';
const FRAME_TIME = 'x00181063';

/**
 * DICOM objects (PS3.10 files, with or without their prefix). Unless the configuration wants it, nothing that may tell
 * whose or by whom they are leaves them: the attributes of the basic profile of PS3.15 are left out, only the time of
 * acquisition stays, and pictures that are said to have text burned in are not shown.
 */
export const dicomExtractor: Extractor = {
  id: 'dicom',
  version: 4,
  extensions: EXTENSIONS,
  promisedFormat: 'a DICOM file',

  sniff({ bytes, extension }) {
    if (bytes.toString('latin1', 128, 132) === 'DICM') return true;
    return EXTENSIONS.includes(extension) && beginsLikeDataSet(bytes);
  },

  async extract(file, context): Promise<ExtractedFile> {
    const dicom = await readDicomFile(file);
    const values = new DicomValues(dicom.dataSet);
    const withIdentity = context.dicomIdentity === true;
    const warnings = [...dicom.warnings];
    return {
      format: 'DICOM',
      signals: [signalOf(dicom, values, context, warnings)],
      warnings,
      tags: dicomTags(values, withIdentity),
    };
  },
};

function signalOf(
  dicom: DicomFile,
  values: DicomValues,
  context: ExtractContext,
  warnings: string[],
): ExtractedSignal {
  const layout = dicomLayout(values);
  const metadata = dicomMetadata(values, context.dicomIdentity === true);
  const time = dicomTime(values, context.timezone);
  metadata.text('Acquisition Time', time?.iso);
  if (time !== null && time.warning !== null) warnings.push(time.warning);
  const calibration = layout === null ? [] : calibrationOf(values, layout);
  const [rows, columns] = calibration.slice(-2);
  if (rows !== undefined && columns !== undefined && columns.unit !== '') {
    metadata.number('Pixel Width', columns.scale, columns.unit);
    metadata.number('Pixel Height', rows.scale, rows.unit);
  }
  return {
    title: null,
    type: layout === null ? 'Misc' : 'Image',
    role: 'Experimental',
    metadata: metadata.build(),
    shape:
      layout === null
        ? []
        : [...(layout.frames > 1 ? [layout.frames] : []), layout.rows, layout.columns],
    calibration,
    dtype: layout?.dtype ?? null,
    acquiredMs: time?.epochMs ?? null,
    previewOf:
      layout === null ? null : previewFor(dicom, values, layout, context, warnings, columns),
  };
}

function previewFor(
  dicom: DicomFile,
  values: DicomValues,
  layout: DicomLayout,
  context: ExtractContext,
  warnings: string[],
  columns: AxisCalibration | undefined,
): ExtractedSignal['previewOf'] {
  if (!context.previews) return null;
  const way = dicomPixelWay(dicom, layout);
  if (way.kind === 'none') {
    warnings.push(`No preview: ${way.reason}`);
    return null;
  }
  if (context.dicomIdentity !== true && values.text(BURNED_IN_ANNOTATION) === 'YES') {
    warnings.push('No preview: text that may identify a person is burned into the picture.');
    return null;
  }
  const pixelSize =
    columns === undefined || columns.unit === ''
      ? null
      : { size: columns.scale, unit: columns.unit };
  return () => dicomPreview(dicom, values, layout, way, pixelSize);
}

/** Frames (slices in mm or times in ms), rows, columns; empty: not calibrated. */
function calibrationOf(values: DicomValues, layout: DicomLayout): AxisCalibration[] {
  const measures = values.items(SHARED_GROUPS, 1)[0]?.items(PIXEL_MEASURES, 1)[0];
  const spacing = [measures, values]
    .flatMap((source) => SPACINGS.map((tag) => source?.numbers(tag) ?? []))
    .find((numbers) => numbers.length >= 2 && numbers.every((number) => number > 0));
  const plain = { scale: 1, origin: 0, unit: '' };
  const between = measures?.number(BETWEEN_SLICES) ?? values.number(BETWEEN_SLICES) ?? 0;
  const frameTime = values.number(FRAME_TIME) ?? 0;
  const slices: AxisCalibration =
    frameTime > 0
      ? { scale: frameTime, origin: 0, unit: 'ms' }
      : between > 0
        ? { scale: between, origin: 0, unit: 'mm' }
        : plain;
  const [row, column] = spacing ?? [];
  if (row === undefined && (layout.frames === 1 || slices === plain)) return [];
  return [
    ...(layout.frames > 1 ? [slices] : []),
    row === undefined ? plain : { scale: row, origin: 0, unit: 'mm' },
    column === undefined ? plain : { scale: column, origin: 0, unit: 'mm' },
  ];
}
