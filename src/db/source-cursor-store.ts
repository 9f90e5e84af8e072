import { shortened } from './clean-text.js';
import { instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { scopedSession } from './scope.js';
import type { SourceCursorRow } from './tables.js';

/** How a pass over a source stands. Instants in epoch milliseconds. */
export interface SourceCursor {
  readonly source: string;
  /** Name of the pass: `poll`, `reconcile`... */
  readonly pass: string;
  /** What happened before was seen; null: nothing yet. */
  readonly positionMs: number | null;
  readonly succeededAtMs: number | null;
  /** Null: the last one went well. */
  readonly failingSinceMs: number | null;
  /** Passes in a row that failed. */
  readonly failures: number;
  readonly nextAttemptAtMs: number | null;
  readonly failure: string | null;
}

/** A pass that was never done. */
function noCursor(source: string, pass: string): SourceCursor {
  return {
    source,
    pass,
    positionMs: null,
    succeededAtMs: null,
    failingSinceMs: null,
    failures: 0,
    nextAttemptAtMs: null,
    failure: null,
  };
}

function toCursor(row: SourceCursorRow): SourceCursor {
  return {
    source: row.source,
    pass: row.pass,
    positionMs: optionalInstantMs(row.position_at),
    succeededAtMs: optionalInstantMs(row.succeeded_at),
    failingSinceMs: optionalInstantMs(row.failing_since_at),
    failures: row.failures,
    nextAttemptAtMs: optionalInstantMs(row.next_attempt_at),
    failure: row.failure,
  };
}

/** How far a pass has come. */
export async function sourceCursor(source: string, pass: string): Promise<SourceCursor> {
  const row = await scopedSession()
    .reader()<SourceCursorRow>('source_cursors')
    .where({ source, pass })
    .first();
  return row === undefined ? noCursor(source, pass) : toCursor(row);
}

/** All passes over all sources that were ever done. */
export async function sourceCursors(): Promise<readonly SourceCursor[]> {
  const rows = await scopedSession()
    .reader()<SourceCursorRow>('source_cursors')
    .orderBy(['source', 'pass'])
    .select();
  return rows.map(toCursor);
}

async function putCursor(
  source: string,
  pass: string,
  columns: Partial<Omit<SourceCursorRow, 'source' | 'pass'>>,
): Promise<void> {
  const transaction = await scopedSession().writer();
  await transaction('source_cursors')
    .insert({ source, pass, ...columns })
    .onConflict(['source', 'pass'])
    .merge(columns);
}

/**
 * A pass went well.
 * @param positionMs what happened before was seen; null: that is not counted
 */
export async function passSucceeded(
  source: string,
  pass: string,
  { positionMs, nowMs }: { readonly positionMs: number | null; readonly nowMs: number },
): Promise<void> {
  await putCursor(source, pass, {
    ...(positionMs === null ? {} : { position_at: instantText(positionMs) }),
    succeeded_at: instantText(nowMs),
    failing_since_at: null,
    failures: 0,
    next_attempt_at: null,
    failure: null,
  });
}

/** A pass failed; it is not tried again before `nextAttemptAtMs`. */
export async function passFailed(
  source: string,
  pass: string,
  failure: {
    readonly reason: string;
    readonly nowMs: number;
    readonly nextAttemptAtMs: number | null;
  },
): Promise<void> {
  const before = await sourceCursor(source, pass);
  await putCursor(source, pass, {
    failing_since_at: instantText(before.failingSinceMs ?? failure.nowMs),
    failures: before.failures + 1,
    next_attempt_at: optionalInstantText(failure.nextAttemptAtMs),
    failure: shortened(failure.reason, 1000),
  });
}
