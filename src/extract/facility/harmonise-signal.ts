import type { Metadata, MetadataValue } from '../../domain/file-metadata.js';
import {
  METADATA_NAMES,
  harmonisedName,
  type HarmonisedName,
} from '../../domain/harmonised-names.js';
import { convertUnit, isConvertible } from '../../domain/units.js';
import type { ExtractedSignal } from '../extractor.js';
import { isoFileTime } from '../file-time.js';
import { unitName } from '../formats/tiff/measured-text.js';

/**
 * A signal of a facility's reader with its metadata as all readers give them: the names of the table as they are written
 * there, numbers in their unit, times with the offset of the zone. Other names stay as they are. What cannot be brought
 * into that form is left out with a warning. Without a time of acquisition of its own, the signal gets that of its
 * metadata.
 */
export function harmoniseSignal(
  signal: ExtractedSignal,
  timezone: string,
  warnings: string[],
): ExtractedSignal {
  const metadata: Record<string, MetadataValue> = {};
  let { acquiredMs } = signal;
  for (const [given, entry] of Object.entries(signal.metadata)) {
    const name = nameInTable(given);
    const target = harmonisedName(name);
    if (target?.kind === 'time') {
      const time = typeof entry.value === 'string' ? isoFileTime(entry.value, timezone) : null;
      if (time === null) {
        warnings.push(`"${name}" is no time in ISO 8601 and was left out.`);
        continue;
      }
      metadata[name] = { ...entry, value: time.iso };
      acquiredMs ??= time.epochMs;
      continue;
    }
    const value = target === undefined ? asGiven(entry) : harmonised(name, entry, target, warnings);
    if (value !== null) metadata[name] = value;
  }
  return { ...signal, metadata: sorted(metadata), acquiredMs };
}

function sorted(metadata: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
}

/** The name of the table that differs at most by case and separators, else the name itself. */
function nameInTable(given: string): string {
  const plain = (name: string): string => name.replaceAll(/[-_\s]/g, '').toLowerCase();
  return METADATA_NAMES.find((name) => plain(name) === plain(given)) ?? given.trim();
}

/** Blank text says nothing. */
function asGiven(entry: MetadataValue): MetadataValue | null {
  return typeof entry.value === 'string' && entry.value.trim() === '' ? null : entry;
}

function harmonised(
  name: string,
  entry: MetadataValue,
  target: HarmonisedName,
  warnings: string[],
): MetadataValue | null {
  const { unit, ...bare } = entry;
  if (target.kind === 'number') return harmonisedNumber(name, entry, target, warnings);
  if (target.kind === 'boolean') {
    if (typeof entry.value === 'boolean') return bare;
    warnings.push(`"${name}" is neither true nor false and was left out.`);
    return null;
  }
  const text = typeof entry.value === 'object' ? entry.value.join(', ') : String(entry.value);
  const withUnit = unit === undefined || unit === '' ? text : `${text} ${unit}`;
  return asGiven({ ...bare, value: withUnit.trim() });
}

function harmonisedNumber(
  name: string,
  entry: MetadataValue,
  { unit: target }: HarmonisedName,
  warnings: string[],
): MetadataValue | null {
  const { unit = '', ...bare } = entry;
  const listed = typeof entry.value === 'object' ? entry.value : [entry.value];
  const numbers = listed.filter((value) => typeof value === 'number');
  if (numbers.length !== listed.length) {
    warnings.push(`"${name}" is no number and was left out.`);
    return null;
  }
  const toEntry = (convert: (value: number) => number): MetadataValue => ({
    ...bare,
    ...(target === undefined ? {} : { unit: target }),
    value: typeof entry.value === 'object' ? numbers.map(convert) : convert(numbers[0] ?? NaN),
  });
  if (target === undefined || unit === '' || unit === target) return toEntry((value) => value);
  const written = unitName(unit);
  // A is the angstrom of lengths and the ampere of currents; units.ts tells them apart by name.
  const source = written === 'A' && isConvertible('ampere', target) ? 'ampere' : written;
  if (source === target) return toEntry((value) => value);
  if (isConvertible(source, target)) return toEntry((value) => convertUnit(value, source, target));
  warnings.push(`"${name}" is in ${unit}, which is no unit for it (${target}), and was left out.`);
  return null;
}
