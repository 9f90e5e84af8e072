import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { SerAxis, SerDimension, SerElement, SerFile } from './ser-file.js';

/** The array that a series forms, slowest axis first. */
export interface SerArray {
  /** Axes along which elements are counted. */
  readonly positions: readonly number[];
  readonly shape: readonly number[];
  readonly calibration: readonly AxisCalibration[];
  /** Whether images are diffraction patterns. */
  readonly isDiffraction: boolean;
}

/**
 * Puts the axes of a series in order. Of two dimensions the first is the faster one where the beam moved along x first
 * (two first elements at the same y), else the slower one. Lengths in m become nm, reciprocal ones 1/nm.
 */
export function serArrayOf(ser: SerFile, element: SerElement): SerArray {
  const dimensions = orderedDimensions(ser);
  const isDiffraction = !ser.isSpectra && element.axes.every(({ delta }) => Math.abs(delta) > 1);
  return {
    positions: dimensions.map(({ size }) => size),
    shape: [...dimensions.map(({ size }) => size), ...element.axes.map(({ length }) => length)],
    calibration: [
      ...dimensions.map(dimensionAxis),
      ...element.axes.map((axis) =>
        ser.isSpectra
          ? { scale: axis.delta, origin: axis.origin, unit: 'eV' }
          : imageAxis(axis, isDiffraction),
      ),
    ],
    isDiffraction,
  };
}

function orderedDimensions(ser: SerFile): readonly SerDimension[] {
  const { dimensions, total, valid } = ser;
  const [first] = dimensions;
  if (first === undefined) return valid > 1 ? [counted(valid)] : [];
  if (dimensions.length === 1) {
    // A series that was stopped holds what was recorded; a map keeps its frame.
    if (valid < total) return valid > 1 ? [{ ...first, size: valid }] : [];
    return first.size === 1 && !ser.isSpectra ? [] : dimensions;
  }
  const isXFirst = ser.valid > 1 && ser.tag(0)?.position?.y === ser.tag(1)?.position?.y;
  const hasPositions = ser.tag(0)?.position !== null;
  const ordered = isXFirst && hasPositions ? [...dimensions].reverse() : dimensions;
  return ser.isSpectra ? ordered : ordered.filter(({ size }) => size > 1);
}

function counted(size: number): SerDimension {
  return { size, origin: 0, delta: 1, description: '', unit: '' };
}

function dimensionAxis({ delta, origin, unit }: SerDimension): AxisCalibration {
  // Points chosen by hand are a "metre" apart.
  if (unit === 'meters' && delta === 1) return { scale: 1, origin: 0, unit: '' };
  return unit === 'meters'
    ? { scale: delta * 1e9, origin: origin * 1e9, unit: 'nm' }
    : { scale: delta, origin, unit };
}

/**
 * Images are calibrated in m, diffraction patterns in 1/m; the file does not say which. No pixel is larger than a metre,
 * and no reciprocal one smaller than 1/m, so the size tells.
 */
function imageAxis({ delta, origin }: SerAxis, isDiffraction: boolean): AxisCalibration {
  if (delta === 0) return { scale: 1, origin: 0, unit: '' };
  return isDiffraction
    ? { scale: delta / 1e9, origin: origin / 1e9, unit: '1/nm' }
    : { scale: delta * 1e9, origin: origin * 1e9, unit: 'nm' };
}
