import type { Database } from '../../db/database.js';
import { listInstrumentClocks, TOLD_CLOCK_OFFSET_MS } from '../../db/instrument-clock-store.js';
import { isoText } from '../report-json.js';
import { ok, warn, type CheckResult } from './check-result.js';

function amountText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 600 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** Do the clocks of the PCs that report sessions over HTTP agree with ours, as each showed when it last reported. */
export async function* checkPcClocks(
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const clocks = await database.createScope(() => listInstrumentClocks());
  let agreeing = 0;
  for (const { instrumentPid, offsetMs, measuredAtMs } of clocks) {
    if (Math.abs(offsetMs) <= TOLD_CLOCK_OFFSET_MS) {
      agreeing += 1;
      continue;
    }
    const state = offsetMs > 0 ? 'ahead' : 'behind';
    yield {
      ...warn(
        `PC clock ${instrumentPid}`,
        `the clock of the PC of ${instrumentPid} is ${amountText(Math.abs(offsetMs))} ${state} (measured ${isoText(measuredAtMs)})`,
        'Have the PC set its clock by a time server; correct sessions with `recordsmith sessions set ID --start --end`.',
      ),
      details: { instrument: instrumentPid, offset_ms: offsetMs },
    };
  }
  if (agreeing > 0) yield ok('PC clocks', `${agreeing} of ${clocks.length} agree with ours`);
}
