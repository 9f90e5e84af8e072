import { findInstrument } from '../../db/instrument-store.js';
import { AppError } from '../../errors.js';
import { readGivenTime } from '../local-time-text.js';

/**
 * The zone in which times of a selection are typed: that of the instrument it names, else UTC.
 * @throws AppError INSTRUMENT_NOT_FOUND. Runs in a scope.
 */
export async function selectionZone(instrumentPid: string | undefined): Promise<string> {
  if (instrumentPid === undefined) return 'utc';
  const instrument = await findInstrument(instrumentPid);
  if (instrument !== null) return instrument.timezone;
  throw new AppError('INSTRUMENT_NOT_FOUND', `There is no instrument ${instrumentPid}.`, {
    remedy: 'See `recordsmith instruments list`.',
    details: { instrument: instrumentPid },
  });
}

/**
 * Epoch milliseconds of a time of a selection as typed; undefined stays.
 * @throws AppError TIME_INVALID
 */
export function selectionTime(
  text: string | undefined,
  zone: string,
  nowMs: number,
): number | undefined {
  return text === undefined ? undefined : readGivenTime(text, zone, nowMs).epochMs;
}
