import type { Database } from '../../db/database.js';
import { query } from '../../db/query.js';
import { scopedSession } from '../../db/scope.js';
import { ok, warn, type CheckResult } from './check-result.js';

/** Seconds that a START may lie in the future before anybody is told. */
const TOLERANCE_S = 120;

/** Does an instrument report sessions that have not begun yet: then its clock, or that of its source, runs ahead. */
export async function* checkClocks(
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const rows = await database.createScope(() => {
    const { dialect } = scopedSession();
    return query(
      `select instrument, max(${dialect.instantText('timestamp')}) as latest from session_log where event_type = 'START' and timestamp > ${dialect.nowPlusSeconds} group by instrument order by ${dialect.byteOrder('instrument')}`,
      [dialect.secondsBinding(TOLERANCE_S)],
    );
  });
  for (const row of rows) {
    yield warn(
      `clock ${String(row['instrument'])}`,
      `a session starts in the future: ${String(row['latest'])}`,
      'Set the clock of the instrument PC, or check the time zone of its event source.',
    );
  }
  if (rows.length === 0) yield ok('clocks', 'no instrument runs ahead');
}
