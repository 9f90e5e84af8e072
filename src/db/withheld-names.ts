import type { Knex } from 'knex';
import type { FileVerdict } from '../domain/found-file.js';
import { WIDEST_CLOCK_SHIFT_MS } from '../domain/frozen-clock-offsets.js';
import { groupBy } from '../domain/group-by.js';
import { readFrozenOffsets } from './frozen-clock-offsets.js';
import { instantMs, instantText } from './instant.js';
import { sharingInstruments } from './sharing-instruments.js';
import type { FileVerdictRow, SessionRow } from './tables.js';

type TimedRow = Pick<SessionRow, 'start_at' | 'end_at' | 'clock_offsets'>;

/** Verdicts by which a file is one of the session that the verdict is of, or a person said whose it is. */
const OWN: readonly string[] = ['in', 'included', 'excluded'];
const NS_PER_MS = 1_000_000n;
/** A session's verdicts are on files from this long before its START to this long after its END, in milliseconds. */
const NEAR_MS = 3_600_000 + WIDEST_CLOCK_SHIFT_MS;
/** Verdicts removed at a time. */
const PAGE = 200;

/** Narrows sessions to those whose verdicts may be on files of the time of this one, or the other way round. */
function aroundTimeOf(query: Knex.QueryBuilder, { start_at, end_at }: TimedRow): void {
  if (start_at !== null) {
    void query.where('sessions.end_at', '>=', instantText(instantMs(start_at) - NEAR_MS));
  }
  if (end_at !== null) {
    void query.where('sessions.start_at', '<=', instantText(instantMs(end_at) + NEAR_MS));
  }
}

/** Whether a file was written in a session, by any of the clock offsets that are frozen on it. */
function isWrittenIn({ start_at, end_at, clock_offsets }: TimedRow, mtimeNs: bigint): boolean {
  if (start_at === null || end_at === null) return false;
  const [startMs, endMs] = [instantMs(start_at), instantMs(end_at)];
  const frozen = clock_offsets === null ? [] : (readFrozenOffsets(clock_offsets) ?? []);
  const offsetsMs = [0, ...frozen.flatMap(({ offsets }) => offsets.map((one) => one.offsetMs))];
  return offsetsMs.some((offsetMs) => {
    const atMs = Number(mtimeNs / NS_PER_MS) - offsetMs;
    // Whole milliseconds: what lies on the border counts as in.
    return atMs >= startMs && atMs <= endMs;
  });
}

/**
 * The verdicts of a session without those on files of neighbours that have no consent: also that such a file exists, and how
 * it is called, is told nowhere.
 */
export async function withoutWithheldNames(
  knex: Knex,
  sessionIdentifier: string,
  verdicts: readonly FileVerdict[],
): Promise<readonly FileVerdict[]> {
  const foreign = verdicts.filter(({ verdict }) => !OWN.includes(verdict));
  if (foreign.length === 0) return verdicts;
  const session = await knex<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .first('instrument', 'start_at', 'end_at', 'clock_offsets');
  if (session === undefined) return verdicts;
  const query = knex<SessionRow>('sessions')
    .where('status', 'NO_CONSENT')
    .whereNot('session_identifier', sessionIdentifier)
    .whereIn('instrument', sharingInstruments(knex, session.instrument))
    .select<TimedRow[]>('start_at', 'end_at', 'clock_offsets');
  aroundTimeOf(query, session);
  const withheld = await query;
  if (withheld.length === 0) return verdicts;
  const isWithheld = ({ verdict, mtimeNs }: FileVerdict): boolean =>
    !OWN.includes(verdict) && withheld.some((row) => isWrittenIn(row, mtimeNs));
  return verdicts.filter((verdict) => !isWithheld(verdict));
}

/** Removes what other sessions' verdicts tell of the files of a session that has no consent. */
export async function forgetNamesElsewhere(
  transaction: Knex,
  session: Pick<SessionRow, 'session_identifier' | 'instrument'> & TimedRow,
): Promise<void> {
  const query = transaction<FileVerdictRow>('file_verdicts')
    .join('sessions', 'sessions.session_identifier', 'file_verdicts.session_identifier')
    .whereIn('sessions.instrument', sharingInstruments(transaction, session.instrument))
    .whereNot('file_verdicts.session_identifier', session.session_identifier)
    .whereNotIn('file_verdicts.verdict', OWN)
    .select<Pick<FileVerdictRow, 'session_identifier' | 'position' | 'mtime_ns'>[]>(
      'file_verdicts.session_identifier',
      'file_verdicts.position',
      transaction.raw('cast(file_verdicts.mtime_ns as text) as mtime_ns'),
    );
  aroundTimeOf(query, session);
  const told = groupBy(
    (await query).filter(({ mtime_ns }) => isWrittenIn(session, BigInt(mtime_ns))),
    (row) => row.session_identifier,
  );
  for (const [session_identifier, rows] of told) {
    for (let first = 0; first < rows.length; first += PAGE) {
      const positions = rows.slice(first, first + PAGE).map(({ position }) => position);
      await transaction('file_verdicts')
        .where({ session_identifier })
        .whereIn('position', positions)
        .del();
    }
  }
}
