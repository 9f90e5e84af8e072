import { boundedText } from './clean-text.js';
import { instantMs, instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { scopedSession } from './scope.js';
import type { PauseRow } from './tables.js';

/** What a pause stops. */
export type PauseScope = PauseRow['scope'];

/** The brake on everything, an instrument, a source or the exports. */
export interface Pause {
  readonly scope: PauseScope;
  /** Instrument or source; null for all and exports. */
  readonly target: string | null;
  readonly reason: string;
  /** Epoch milliseconds; null: until resumed. */
  readonly untilMs: number | null;
  readonly author: string;
  readonly createdAtMs: number;
}

/** Pauses something; a pause that is there already gets the new reason and end. */
export async function pause(brake: Omit<Pause, 'createdAtMs'>): Promise<void> {
  const transaction = await scopedSession().writer();
  const columns = {
    reason: boundedText('The reason', brake.reason, 1024),
    until_at: optionalInstantText(brake.untilMs),
    author: boundedText('The author', brake.author, 255),
  };
  await transaction('pauses')
    .insert({ ...columns, scope: brake.scope, target: brake.target ?? '' })
    .onConflict(['scope', 'target'])
    .merge(columns);
}

/** Takes a pause back. @returns false when there was none. */
export async function resume(scope: PauseScope, target: string | null): Promise<boolean> {
  const transaction = await scopedSession().writer();
  return (
    (await transaction('pauses')
      .where({ scope, target: target ?? '' })
      .del()) > 0
  );
}

/** The pauses that hold now. @param nowMs epoch milliseconds */
export async function activePauses(nowMs: number): Promise<readonly Pause[]> {
  const rows = await scopedSession()
    .reader()<PauseRow>('pauses')
    .where((either) => {
      void either.whereNull('until_at').orWhere('until_at', '>', instantText(nowMs));
    })
    .orderBy('id')
    .select();
  return rows.map((row) => ({
    scope: row.scope,
    target: row.target === '' ? null : row.target,
    reason: row.reason,
    untilMs: optionalInstantMs(row.until_at),
    author: row.author,
    createdAtMs: instantMs(row.created_at),
  }));
}
