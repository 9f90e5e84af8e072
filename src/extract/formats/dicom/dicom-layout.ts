import { AppError } from '../../../errors.js';
import type { DicomValues } from './dicom-values.js';

/** How the pixels of one frame lie (PS3.3 C.7.6.3). */
export interface DicomLayout {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  /** `MONOCHROME2`, `RGB`, `PALETTE COLOR`... */
  readonly photometric: string;
  /** Whether each sample of a frame has a plane of its own. */
  readonly planar: boolean;
  /** numpy's name as readers give it; colours of 8 and 16 bits count as one. Null: no such type. */
  readonly dtype: string | null;
}

/** The layout of the pixels; null where the object has none (reports, plans). @throws AppError FORMAT_INVALID. */
export function dicomLayout(values: DicomValues): DicomLayout | null {
  const rows = values.number('x00280010');
  const columns = values.number('x00280011');
  if (rows === null || columns === null) return null;
  const frames = values.number('x00280008') ?? 1;
  const samples = values.number('x00280002') ?? 1;
  const bitsAllocated = values.number('x00280100') ?? 8;
  if (!(
    rows > 0 &&
    columns > 0 &&
    samples > 0 &&
    samples <= 4 &&
    frames >= 0 &&
    frames < 2 ** 31
  )) {
    throw new AppError(
      'FORMAT_INVALID',
      `The DICOM pixels have the size ${columns} x ${rows} x ${samples} x ${frames}.`,
    );
  }
  const signed = values.number('x00280103') === 1;
  const isColour = samples >= 3;
  const integer = bitsAllocated === 1 ? 'uint8' : `${signed ? '' : 'u'}int${bitsAllocated}`;
  const colour = `${samples === 3 ? 'rgb' : 'rgba'}${bitsAllocated}`;
  return {
    rows,
    columns,
    frames: Math.max(1, Math.trunc(frames)),
    samples,
    bitsAllocated,
    bitsStored: values.number('x00280101') ?? bitsAllocated,
    signed,
    photometric: values.text('x00280004') ?? '',
    planar: samples > 1 && values.number('x00280006') === 1,
    dtype: [1, 8, 16, 32, 64].includes(bitsAllocated)
      ? isColour && bitsAllocated <= 16
        ? colour
        : integer
      : null,
  };
}

/** Bytes of one uncompressed frame; YBR_FULL_422 keeps one pair of colours for two pixels. */
export function frameBytes(layout: DicomLayout): number {
  const { rows, columns, samples, bitsAllocated, photometric } = layout;
  const kept = photometric === 'YBR_FULL_422' ? 2 : samples;
  return Math.ceil((rows * columns * kept * bitsAllocated) / 8);
}
