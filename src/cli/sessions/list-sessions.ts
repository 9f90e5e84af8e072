import { systemClock } from '../../clock.js';
import { listInstruments } from '../../db/instrument-store.js';
import { reasonsOfStatus } from '../../db/last-generation.js';
import { activePauses, type Pause } from '../../db/pause-store.js';
import { cursorAfter, getSession, listSessions, type SessionPage } from '../../db/session-store.js';
import type { RecordStatus } from '../../domain/record-status.js';
import type { WorkingSession } from '../../domain/working-session.js';
import type { CommandContext } from '../command-context.js';
import { localTimeText } from '../local-time-text.js';
import type { TableRow } from '../text-table.js';
import { withDatabase } from '../with-database.js';
import { selectionTime, selectionZone } from './given-period.js';
import { sessionDocument, waitingOf } from './session-words.js';

/** What `sessions list` was given. */
export interface ListSessionsOptions {
  readonly status?: readonly RecordStatus[];
  readonly instrument?: string;
  readonly user?: string;
  /** Texts of times as typed. */
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  /** Identifier or key of the last session of the page before. */
  readonly after?: string;
}

interface Listed {
  readonly page: SessionPage;
  readonly zones: ReadonlyMap<string, string>;
  readonly pauses: readonly Pause[];
  /** Of what their last build came to, by identifier. */
  readonly reasons: ReadonlyMap<string, string>;
}

async function readPage(
  options: ListSessionsOptions,
  text: string | undefined,
  nowMs: number,
): Promise<Listed> {
  const { status, instrument, user, limit, after } = options;
  const zone = await selectionZone(instrument);
  const fromMs = selectionTime(options.from, zone, nowMs);
  const toMs = selectionTime(options.to, zone, nowMs);
  const cursor = after === undefined ? undefined : cursorAfter(await getSession(after));
  const page = await listSessions(
    {
      ...(status === undefined ? {} : { statuses: status }),
      ...(instrument === undefined ? {} : { instrumentPid: instrument }),
      ...(user === undefined ? {} : { user }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
      ...(text === undefined ? {} : { text }),
    },
    { limit, ...(cursor === undefined ? {} : { cursor }) },
  );
  const instruments = await listInstruments();
  return {
    page,
    zones: new Map(instruments.map(({ pid, timezone }) => [pid, timezone])),
    pauses: await activePauses(nowMs),
    reasons: await reasonsOfStatus(page.sessions),
  };
}

/** Why the session is as it is, in one line; null: it went well. */
function reasonOf(
  session: WorkingSession,
  { pauses, reasons }: Listed,
  nowMs: number,
): string | null {
  const waiting = waitingOf(session, pauses, nowMs);
  return (
    session.problem ??
    waiting?.reason ??
    session.deferralReason ??
    reasons.get(session.identifier) ??
    null
  );
}

function tableRow(session: WorkingSession, listed: Listed, nowMs: number): TableRow {
  const zone = listed.zones.get(session.instrumentPid) ?? 'utc';
  const time = (epochMs: number | null) => (epochMs === null ? null : localTimeText(epochMs, zone));
  return {
    session: session.key,
    instrument: session.instrumentPid,
    user: session.user,
    start: time(session.startMs),
    end: time(session.endMs),
    status: session.status,
    reason: reasonOf(session, listed, nowMs),
    identifier: session.identifier,
  };
}

/**
 * Prints a page of sessions, latest START first; one without START stands where its END is.
 * @param text searched in identifier, key, user and instrument
 * @throws AppError INSTRUMENT_NOT_FOUND, TIME_INVALID, SESSION_NOT_FOUND for --after.
 */
export async function printSessions(
  context: CommandContext,
  options: ListSessionsOptions,
  text: string | undefined,
): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const listed = await withDatabase(
    context,
    ({ database }) => database.createScope(() => readPage(options, text, nowMs)),
    { readOnly: 'if-needed' },
  );
  const { sessions, nextCursor } = listed.page;
  const next = nextCursor === null ? null : (sessions.at(-1)?.key ?? null);
  if (context.json) {
    context.printJson({
      sessions: sessions.map((session) => ({
        ...sessionDocument(session, waitingOf(session, listed.pauses, nowMs)),
        reason: reasonOf(session, listed, nowMs),
      })),
      next,
    });
    return;
  }
  if (sessions.length === 0) context.note('No session is like that.');
  context.table(sessions.map((session) => tableRow(session, listed, nowMs)));
  if (next !== null) context.note(`There are more: add --after ${next}`);
}
