import { isConvertible } from '../../../domain/units.js';
import {
  HARMONISED_NAMES,
  type HarmonisedName,
  type MetadataName,
} from '../../../domain/harmonised-names.js';
import type { MetadataBuilder } from '../../harmonise.js';

/** Longer text is no number (and would cost the pattern too much time). */
const MAX_LENGTH = 80;
const MEASURED = /^\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(\S.*)?$/;

/** A number with what is written behind it. */
export interface MeasuredText {
  readonly value: number;
  /** As written; empty: none. */
  readonly unit: string;
}

/** Reads `3.9 mm`, `15000 Volt`, `2,5`; null when the text does not begin with a number. */
export function parseMeasured(text: string | null | undefined): MeasuredText | null {
  if (text == null || text.length > MAX_LENGTH) return null;
  const match = MEASURED.exec(text);
  if (match === null) return null;
  const value = Number((match[1] ?? '').replace(',', '.'));
  return Number.isFinite(value) ? { value, unit: (match[2] ?? '').trim() } : null;
}

/** A plain number; null when the text is none or something follows it. */
export function parseNumber(text: string | null | undefined): number | null {
  const measured = parseMeasured(text);
  return measured?.unit === '' ? measured.value : null;
}

/** Units as programs spell them, by the names of domain/units.ts. */
const SPELLINGS: Readonly<Record<string, string>> = {
  volt: 'V',
  volts: 'V',
  kvolt: 'kV',
  um: 'µm',
  μm: 'µm',
  micron: 'µm',
  microns: 'µm',
  micrometer: 'µm',
  nanometer: 'nm',
  ua: 'µA',
  μa: 'µA',
  μs: 'µs',
  usec: 'µs',
  usecs: 'µs',
  msec: 'ms',
  msecs: 'ms',
  sec: 's',
  secs: 's',
  deg: '°',
  degree: '°',
  degrees: '°',
  rad: 'rad',
  torr: 'Torr',
  pascal: 'Pa',
  pa: 'Pa',
};

/** The name that domain/units.ts has for a unit as a program writes it. */
export function unitName(written: string): string {
  return SPELLINGS[written.toLowerCase()] ?? written;
}

/**
 * Sets a harmonised number from a text that may carry its unit; `unit` holds where the text names none. What is no
 * number or in a unit of another quantity is left out.
 */
export function setMeasured(
  metadata: MetadataBuilder,
  name: MetadataName,
  text: string | null | undefined,
  unit?: string,
): void {
  const measured = parseMeasured(text);
  if (measured === null) return;
  const target: HarmonisedName = HARMONISED_NAMES[name];
  if (target.unit === undefined) {
    metadata.number(name, measured.value);
    return;
  }
  const written = measured.unit === '' ? (unit ?? '') : unitName(measured.unit);
  // A is the angstrom of lengths and the ampere of currents; units.ts tells them apart by name.
  const source = written === 'A' && isConvertible('ampere', target.unit) ? 'ampere' : written;
  if (isConvertible(source, target.unit)) metadata.number(name, measured.value, source);
}
