import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { JsonValue } from '../../extractor.js';
import { handyUnit } from './si-units.js';
import { documentDetector, documentNumber, documentText } from './velox-document.js';

/** Rows and columns: BinaryResult has pixel size and offset in metres (in 1/m for diffraction). */
export function pixelAxes(
  document: JsonValue | null,
  columns: number,
): readonly [y: AxisCalibration, x: AxisCalibration] {
  const result = (...path: readonly string[]): number | null =>
    documentNumber(document, 'BinaryResult', ...path);
  const [width, height] = [result('PixelSize', 'width'), result('PixelSize', 'height')];
  if (width === null || height === null || !(width > 0) || !(height > 0)) {
    const none = { scale: 1, origin: 0, unit: '' };
    return [none, none];
  }
  const written = documentText(document, 'BinaryResult', 'PixelUnitX') ?? '';
  // The unit in which half the width of the picture is a handy number, as for a scale bar.
  const { unit, factor } = handyUnit((width * columns) / 2, written);
  // 15 digits: without the noise of the conversion. Adding 0 turns -0 into 0.
  const converted = (value: number): number => Number((value * factor).toPrecision(15)) + 0;
  const origin = (name: string): number => converted(result('Offset', name) ?? 0);
  return [
    { scale: converted(height), origin: origin('y'), unit },
    { scale: converted(width), origin: origin('x'), unit },
  ];
}

/**
 * The first channel that holds X-rays. Below the detector's BeginEnergy (eV) lies the peak around 0 of its electronics,
 * which is many times higher than the others.
 */
export function firstXrayChannel(document: JsonValue | null): number {
  const detector = documentDetector(document);
  const dispersion = documentNumber(detector, 'Dispersion');
  const begin = documentNumber(detector, 'BeginEnergy');
  if (dispersion === null || begin === null || !(dispersion > 0)) return 0;
  const offset = documentNumber(detector, 'OffsetEnergy') ?? 0;
  return Math.max(0, Math.ceil((begin - offset) / dispersion));
}

/** Channels: the detector has their width and the energy of the first one in eV; shown in keV. */
export function energyAxis(document: JsonValue | null): AxisCalibration {
  const detector = documentDetector(document);
  const dispersion = documentNumber(detector, 'Dispersion');
  if (dispersion === null || dispersion === 0) return { scale: 1, origin: 0, unit: '' };
  return {
    scale: dispersion / 1000,
    origin: (documentNumber(detector, 'OffsetEnergy') ?? 0) / 1000,
    unit: 'keV',
  };
}
