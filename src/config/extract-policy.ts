import type { Adjustment, AdjustmentAction } from '../domain/adjustment.js';
import type { FacilityReaders } from '../domain/facility-readers.js';
import { harmonisedName } from '../domain/harmonised-names.js';
import type { ExtractSettings } from './extract-schema.js';

type AdjustmentEntry = ExtractSettings['adjustments'][number];

function actionOf(entry: AdjustmentEntry): AdjustmentAction {
  if (entry.drop) return { kind: 'drop' };
  if (entry.set === undefined) {
    const { unit = null, scale = 1, rename = null } = entry;
    return { kind: 'change', trueUnit: unit, scale, rename };
  }
  const unit = harmonisedName(entry.value)?.unit;
  return { kind: 'set', to: { value: entry.set, ...(unit === undefined ? {} : { unit }) } };
}

/** Whether an entry of extract.adjustments holds for an instrument; null: for files of no instrument. */
function holdsFor({ match }: AdjustmentEntry, instrumentPid: string | null): boolean {
  if (match.instrument === undefined) return true;
  return instrumentPid !== null && match.instrument.includes(instrumentPid);
}

/** The adjustments of the files of an instrument, in the order of the configuration; null: of files of no instrument. */
export function adjustmentsFor(
  { adjustments }: Pick<ExtractSettings, 'adjustments'>,
  instrumentPid: string | null,
): readonly Adjustment[] {
  return adjustments
    .filter((entry) => holdsFor(entry, instrumentPid))
    .map((entry) => ({
      name: entry.name,
      formats: entry.match.format ?? [],
      files: entry.match.file ?? [],
      value: entry.value,
      action: actionOf(entry),
      unreliable: entry.unreliable,
    }));
}

/** The readers of the facility with their limits in milliseconds; null: it has none. */
export function facilityReadersOf({ readers, commands }: ExtractSettings): FacilityReaders | null {
  if (readers.length + commands.length === 0) return null;
  return {
    modules: readers,
    commands: commands.map(({ timeout_s: seconds, ...command }) => ({
      ...command,
      timeLimitMs: seconds === null ? null : seconds * 1000,
    })),
  };
}

/** What an adjustment does, in words: `Stage X: in mm, to Stage Y`. */
export function describeAdjustment({ value, action, unreliable }: Adjustment): string {
  const what: string[] = [];
  if (action.kind === 'drop') what.push('left out');
  if (action.kind === 'set') {
    const { value: constant, unit } = action.to;
    what.push(`always ${String(constant)}${unit === undefined ? '' : ` ${unit}`}`);
  }
  if (action.kind === 'change') {
    if (action.trueUnit !== null) what.push(`in ${action.trueUnit}`);
    if (action.scale !== 1) what.push(`times ${action.scale}`);
    if (action.rename !== null) what.push(`is ${action.rename}`);
  }
  if (unreliable) what.push('to be checked');
  return `${value}: ${what.join(', ')}`;
}
