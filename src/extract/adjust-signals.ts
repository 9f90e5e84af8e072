import picomatch from 'picomatch';
import type { Adjustment, AppliedAdjustment } from '../domain/adjustment.js';
import type { Metadata, MetadataValue } from '../domain/file-metadata.js';
import { harmonisedName } from '../domain/harmonised-names.js';
import { decodeLocation, displayName, type Location } from '../domain/location.js';
import { convertUnit } from '../domain/units.js';

/** Signals after adjusting, with what was done to them. */
export interface AdjustedSignals<Adjusted> {
  readonly signals: readonly Adjusted[];
  readonly applied: readonly AppliedAdjustment[];
}

/** The adjustments that are about a file of this location, whatever its format. */
export function adjustmentsOfFile(
  adjustments: readonly Adjustment[],
  location: Location,
): readonly Adjustment[] {
  if (adjustments.length === 0) return adjustments;
  const path = displayName(decodeLocation(location)).replace(/^\/+/, '');
  return adjustments.filter(
    ({ files }) => files.length === 0 || files.some((pattern) => isFile(pattern, path)),
  );
}

/**
 * Signals with the adjustments of their format applied. Each adjustment goes by the name that the reader gave, so that two
 * values can change places; several on one value work in their order. A value that gets the name of another one takes its
 * place. Pure.
 */
export function adjustSignals<Adjusted extends { readonly metadata: Metadata }>(
  signals: readonly Adjusted[],
  format: string,
  adjustments: readonly Adjustment[],
): AdjustedSignals<Adjusted> {
  const ofFormat = adjustments.filter(
    ({ formats }) => formats.length === 0 || formats.some((pattern) => isFormat(pattern, format)),
  );
  if (ofFormat.length === 0) return { signals, applied: [] };
  const applied: AppliedAdjustment[] = [];
  const adjusted = signals.map((signal, index) => {
    const metadata = adjustMetadata(signal.metadata, ofFormat, (adjustment, original) =>
      applied.push({
        adjustment: adjustment.name,
        signal: index + 1,
        value: adjustment.value,
        original,
      }),
    );
    return { ...signal, metadata };
  });
  return { signals: adjusted, applied };
}

interface NamedValue {
  readonly name: string;
  readonly entry: MetadataValue;
}

function adjustMetadata(
  metadata: Metadata,
  adjustments: readonly Adjustment[],
  note: (adjustment: Adjustment, original: MetadataValue | null) => void,
): Metadata {
  const untouched = new Map(Object.entries(metadata));
  const changed = new Map<string, NamedValue | null>();
  for (const adjustment of adjustments) {
    const original = metadata[adjustment.value] ?? null;
    const before = changed.get(adjustment.value);
    const present =
      before === undefined && original !== null
        ? { name: adjustment.value, entry: original }
        : (before ?? null);
    if (present === null && adjustment.action.kind !== 'set') continue;
    untouched.delete(adjustment.value);
    changed.set(adjustment.value, adjustedValue(present, adjustment));
    note(adjustment, original);
  }
  for (const value of changed.values()) if (value !== null) untouched.set(value.name, value.entry);
  return Object.fromEntries([...untouched].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Null: the value is left out. */
function adjustedValue(
  present: NamedValue | null,
  { action, value, unreliable }: Adjustment,
): NamedValue | null {
  const marked = (name: string, entry: MetadataValue): NamedValue => ({
    name,
    entry: unreliable ? { ...entry, warning: true } : entry,
  });
  if (action.kind === 'drop') return null;
  if (action.kind === 'set') return marked(value, action.to);
  if (present === null) return null;
  const name = action.rename ?? present.name;
  return marked(name, changedEntry(present.entry, action, harmonisedName(name)?.unit));
}

/** The configuration is checked so that units always convert. */
function changedEntry(
  entry: MetadataValue,
  action: { readonly trueUnit: string | null; readonly scale: number },
  targetUnit: string | undefined,
): MetadataValue {
  const { unit, ...bare } = entry;
  const from = action.trueUnit ?? unit;
  const convert = (number: number): number => {
    const scaled = action.scale === 1 ? number : tidy(number * action.scale);
    return from === undefined || targetUnit === undefined
      ? scaled
      : convertUnit(scaled, from, targetUnit);
  };
  const { value } = entry;
  const toUnit = targetUnit === undefined ? {} : { unit: targetUnit };
  if (typeof value === 'number') return { ...bare, ...toUnit, value: convert(value) };
  if (typeof value === 'object') {
    const numbers = value.filter((one) => typeof one === 'number');
    if (numbers.length === value.length) {
      return { ...bare, ...toUnit, value: numbers.map(convert) };
    }
  }
  return entry;
}

/** 12 significant digits, as units are converted: 0.1 times 3 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

/** In the name of a format, `*` stands for any text and all else for itself: `TIFF (FEI/Thermo)` is no glob. */
function isFormat(pattern: string, format: string): boolean {
  const literal = pattern.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`).replaceAll('*', '.*');
  return new RegExp(`^${literal}$`, 'isu').test(format);
}

/** As the patterns of files that are ignored: without a slash they are of the name, in any folder. */
function isFile(pattern: string, path: string): boolean {
  const text = pattern.includes('/') ? path : path.slice(path.lastIndexOf('/') + 1);
  return picomatch.isMatch(text, pattern, { nocase: true, dot: true });
}
