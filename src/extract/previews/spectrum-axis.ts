import type { PreviewSource } from '../extractor.js';

/** From this energy on people speak of X-rays in keV, eV. */
const KILO_FROM = 5000;
const X_RAY_ENERGY = /^(?:x-ray )?energy$/i;

/** The source of a spectrum's preview. */
export type SpectrumSource = Extract<PreviewSource, { kind: 'spectrum' }>;

/** Where an axis begins and ends. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The energy axis of a spectrum as it is drawn: from the low to the high end. */
export interface SpectrumAxis {
  readonly range: Range;
  readonly label: string;
  readonly unit: string;
  /** Whether it has no unit and counts channels: between two of them is nothing. */
  readonly isCounted: boolean;
  /** Whether the values come from the high end to the low one. */
  readonly isReversed: boolean;
}

/** Whether a label is that of X-ray energies: of electrons it says `loss`. */
export function isXRayEnergy(label: string): boolean {
  return X_RAY_ENERGY.test(label);
}

/** The axis of a spectrum as its source says it; one without a scale counts channels. */
export function spectrumAxis(source: SpectrumSource): SpectrumAxis {
  const { origin, scale } = source;
  const steps = Math.max(1, source.values.length - 1);
  if (!Number.isFinite(origin) || !Number.isFinite(scale) || scale === 0) {
    const range = { low: 0, high: steps };
    return { range, label: 'Channel', unit: '', isCounted: true, isReversed: false };
  }
  const end = origin + scale * steps;
  const unit = source.xUnit.trim();
  return inKilo({
    range: { low: Math.min(origin, end), high: Math.max(origin, end) },
    label: source.xLabel.trim(),
    unit,
    isCounted: unit === '' && Number.isInteger(origin) && Number.isInteger(scale),
    isReversed: scale < 0,
  });
}

/** The axis in keV where it is one of X-rays of high energy in eV. */
function inKilo(axis: SpectrumAxis): SpectrumAxis {
  const { range, label, unit } = axis;
  if (unit !== 'eV' || !isXRayEnergy(label) || !(range.high > KILO_FROM)) return axis;
  return { ...axis, range: { low: range.low / 1000, high: range.high / 1000 }, unit: 'keV' };
}
