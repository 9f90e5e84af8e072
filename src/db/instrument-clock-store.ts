import { instantMs, instantText } from './instant.js';
import { scopedSession } from './scope.js';
import type { InstrumentClockRow } from './tables.js';

/** How far the clock of an instrument PC may be off before anybody is told, in milliseconds. */
export const TOLD_CLOCK_OFFSET_MS = 30_000;

/** How the clock of an instrument PC stood against ours when it last reported. */
export interface InstrumentClock {
  readonly instrumentPid: string;
  /** Clock of the PC minus ours, in milliseconds: positive when it is ahead. */
  readonly offsetMs: number;
  /** Epoch milliseconds. */
  readonly measuredAtMs: number;
}

/** Remembers how a clock stands; what was measured before is forgotten. */
export async function saveInstrumentClock(clock: InstrumentClock): Promise<void> {
  const transaction = await scopedSession().writer();
  const measured = {
    offset_ms: clock.offsetMs,
    measured_at: instantText(clock.measuredAtMs),
  };
  await transaction<InstrumentClockRow>('instrument_clocks')
    .insert({ instrument: clock.instrumentPid, ...measured })
    .onConflict('instrument')
    .merge(measured);
}

/** The clocks that were measured, in the order of their instruments. */
export async function listInstrumentClocks(): Promise<readonly InstrumentClock[]> {
  const unit = scopedSession();
  const rows = await unit
    .reader()<InstrumentClockRow>('instrument_clocks')
    .orderByRaw(unit.dialect.byteOrder('instrument'))
    .select();
  return rows.map((row) => ({
    instrumentPid: row.instrument,
    offsetMs: row.offset_ms,
    measuredAtMs: instantMs(row.measured_at),
  }));
}
