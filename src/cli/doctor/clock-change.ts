import type { Zone } from 'luxon';
import { zonedTime, zoneNamed } from '../../domain/zoned-time.js';
import type { ClockLeadRun } from './clock-lead-runs.js';

/** Since when a clock is as it is. */
export interface ClockChange {
  /** Epoch milliseconds: the earliest time that is known to be after the change. */
  readonly sinceMs: number;
  /** `since 29 March 2026`; `at least since ...` when nothing older is known. */
  readonly since: string;
  /** What the clock did, where the zone explains it; null: nothing known. */
  readonly explanation: string | null;
}

/** How far a step may be from that of the zone. */
const STEP_TOLERANCE_MS = 3 * 60_000;
const MINUTE_MS = 60_000;

/**
 * When the lead of a clock changed to its present one and whether the change between summer and winter time explains it.
 * @param before the lead until then; undefined: the folder's files tell of none.
 * @param timezone IANA name, valid.
 */
export function clockChange(
  before: ClockLeadRun | undefined,
  present: ClockLeadRun,
  timezone: string,
): ClockChange {
  const day = (ms: number): string => zonedTime(ms, timezone).toFormat('d MMMM yyyy');
  if (before === undefined) {
    const sinceMs = present.firstMs;
    return { sinceMs, since: `at least since ${day(sinceMs)}`, explanation: null };
  }
  const zone = zoneNamed(timezone);
  const zoneStepMs = (zone.offset(present.firstMs) - zone.offset(before.lastMs)) * MINUTE_MS;
  const stepMs = present.leadMs - before.leadMs;
  const follows = Math.abs(stepMs + zoneStepMs) <= STEP_TOLERANCE_MS;
  const doubles = Math.abs(stepMs - zoneStepMs) <= STEP_TOLERANCE_MS;
  if (zoneStepMs === 0 || (!follows && !doubles)) {
    return { sinceMs: present.firstMs, since: `since ${day(present.firstMs)}`, explanation: null };
  }
  const sinceMs = zoneChangeMs(zone, before.lastMs, present.firstMs);
  const season = zoneStepMs > 0 ? 'summer' : 'winter';
  return {
    sinceMs,
    since: `since ${day(sinceMs)}`,
    explanation: follows
      ? `it did not follow the change to ${season} time`
      : `it followed the change to ${season} time twice`,
  };
}

/** The instant between two at which the offset of the zone became that of the later one. */
function zoneChangeMs(zone: Zone, fromMs: number, toMs: number): number {
  let [before, after] = [fromMs, toMs];
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2);
    if (zone.offset(middle) === zone.offset(toMs)) after = middle;
    else before = middle;
  }
  return Math.ceil(before / 1000) * 1000;
}
