import { readTime } from '../domain/local-time.js';
import type { Instrument } from '../domain/instrument.js';
import type { WorkingSession } from '../domain/working-session.js';
import { zonedTime } from '../domain/zoned-time.js';
import { AppError } from '../errors.js';
import { SESSION_PROBLEMS, type SessionProblem } from '../sessions/assemble-sessions.js';
import { addNote, listNotes } from './annotation-store.js';
import { insertLog, type InsertLogResult } from './insert-log.js';
import { instantText } from './instant.js';
import { getInstrument } from './instrument-store.js';
import {
  autoCloseSource,
  closeFollowedSessions,
  listOpenSessions,
  type OpenSession,
} from './open-sessions.js';
import { scopedSession } from './scope.js';
import { findSession, getSession, listSessions } from './session-store.js';
import type { SessionLogRow } from './tables.js';

/** A START or END as an instrument PC reports it, which may not know its session. */
export interface SessionReport {
  readonly source: string;
  readonly instrumentPid: string;
  readonly eventType: 'START' | 'END';
  /** Identifier or key; null: of a START one is made, an END ends the only open session. */
  readonly session: string | null;
  readonly user: string | null;
  /** ISO text as sent; null: now. */
  readonly at: string | null;
  /** Kept with the session, and in its record; null: none. */
  readonly note: string | null;
  /** Whose word the note is. */
  readonly author: string;
  readonly nowMs: number;
  /** A START ends the sessions of the source that are open on the instrument, as if they had been ended by it. */
  readonly closesOpenSessions: boolean;
}

/** What became of a report. */
export interface ReportedSession extends InsertLogResult {
  /** Sessions that ended since this one started. */
  readonly closed: readonly OpenSession[];
}

/** Open sessions that are named in a message. */
const MOST_NAMED = 10;

function isSessionProblem(name: string | null): name is SessionProblem {
  return name !== null && Object.hasOwn(SESSION_PROBLEMS, name);
}

function named(sessions: readonly OpenSession[], zone: string): string {
  const shown = sessions.slice(0, MOST_NAMED).map(({ key, user, startMs }) => {
    const since = zonedTime(startMs, zone).toISO({ suppressMilliseconds: true }) ?? '?';
    return `${key} (${user ?? 'nobody'}, since ${since})`;
  });
  return [...shown, ...(sessions.length > MOST_NAMED ? ['more'] : [])].join(', ');
}

async function activeInstrument(pid: string): Promise<Instrument> {
  const instrument = await getInstrument(pid);
  if (instrument.active) return instrument;
  throw new AppError('INPUT_INVALID', `The instrument ${pid} is inactive: it reports nothing.`, {
    remedy: `Make it active: recordsmith instruments set ${pid} --active yes`,
    details: { instrument: pid },
  });
}

/** The session whose END this source reported for this very time: the report is a repetition. */
async function sessionEndedAt(
  { source, instrumentPid }: SessionReport,
  atMs: number,
): Promise<string | null> {
  const row = await scopedSession()
    .reader()<SessionLogRow>('session_log')
    .where({
      instrument: instrumentPid,
      event_type: 'END',
      source,
      timestamp: instantText(atMs),
    })
    .first();
  return row?.session_identifier ?? null;
}

/** The latest session of the source, when it was ended for want of an END: this is the END. */
async function sessionEndedForIt({ source, instrumentPid }: SessionReport): Promise<string | null> {
  const { sessions } = await listSessions({ source, instrumentPid, started: true }, { limit: 1 });
  const [latest] = sessions;
  if (latest === undefined) return null;
  const row = await scopedSession()
    .reader()<SessionLogRow>('session_log')
    .where({
      session_identifier: latest.identifier,
      event_type: 'END',
      source: autoCloseSource(source),
    })
    .first();
  return row?.session_identifier ?? null;
}

/** The session that an END means which names none. @throws AppError INPUT_INVALID saying what is open. */
async function sessionToEnd(
  report: SessionReport,
  instrument: Instrument,
  atMs: number,
): Promise<string> {
  const repeated = report.at === null ? null : await sessionEndedAt(report, atMs);
  if (repeated !== null) return repeated;
  const open = await listOpenSessions(report.source, instrument.pid);
  const [only, ...others] = open;
  if (only !== undefined && others.length === 0) return only.identifier;
  const closed = only === undefined ? await sessionEndedForIt(report) : null;
  if (closed !== null) return closed;
  throw new AppError(
    'INPUT_INVALID',
    only === undefined
      ? `No session of ${report.source} is open on ${instrument.pid}.`
      : `More than one session is open on ${instrument.pid}: ${named(open, instrument.timezone)}.`,
    {
      remedy: 'Say which session ends: session_identifier.',
      details: {
        instrument: instrument.pid,
        open: open.slice(0, MOST_NAMED).map(({ key, identifier, user, startMs }) => ({
          session_key: key,
          session_identifier: identifier,
          user,
          start: instantText(startMs),
        })),
      },
    },
  );
}

/** @throws AppError INPUT_INVALID for a session that another source reports, and would report otherwise again. */
function requireOwnSession({ source }: SessionReport, known: WorkingSession): void {
  if (known.source === null || known.source === source) return;
  if (known.source === autoCloseSource(source)) return;
  throw new AppError(
    'INPUT_INVALID',
    `The session ${known.key} was reported by ${known.source}, which also ends it.`,
    {
      remedy: 'Leave session_identifier away, or give one that this source reported.',
      details: { session: known.key, source: known.source },
    },
  );
}

async function identifierOf(
  report: SessionReport,
  instrument: Instrument,
  atMs: number,
): Promise<string> {
  const { session, source, eventType } = report;
  if (session !== null) {
    const known = await findSession(session);
    if (known !== null) requireOwnSession(report, known);
    return known?.identifier ?? session;
  }
  // Made of what a repetition says too, so that it finds its session.
  if (eventType === 'START') return `${source}:${instrument.pid}:${instantText(atMs)}`;
  return sessionToEnd(report, instrument, atMs);
}

async function noteOnce({ note, author }: SessionReport, identifier: string): Promise<void> {
  if (note === null) return;
  const notes = await listNotes(identifier);
  if (!notes.some((known) => known.note === note)) await addNote(identifier, note, author);
}

async function warningsOf(
  { eventType, source, nowMs }: SessionReport,
  session: WorkingSession,
  zone: string,
): Promise<string[]> {
  const warnings: string[] = [];
  if (isSessionProblem(session.problem)) {
    const { message, remedy } = SESSION_PROBLEMS[session.problem];
    warnings.push(`${message} ${remedy.replaceAll(/\bID\b/g, session.key)}`);
  }
  const saidMs = eventType === 'START' ? session.startMs : session.endMs;
  if (saidMs !== null && saidMs > nowMs) {
    warnings.push(`The ${eventType} lies in the future: is the clock of the PC right?`);
  }
  if (eventType === 'END') return warnings;
  const open = await listOpenSessions(source, session.instrumentPid);
  const others = open.filter(({ identifier }) => identifier !== session.identifier);
  if (others.length > 0) {
    warnings.push(`Also open on ${session.instrumentPid}: ${named(others, zone)}.`);
  }
  return warnings;
}

/**
 * Writes what an instrument PC reports into the session log. Idempotent like insertLog, also for a report that names no
 * session but its time. In the caller's unit of work.
 * @throws AppError INSTRUMENT_NOT_FOUND, TIME_INVALID; INPUT_INVALID for an inactive instrument, a session of another
 * source, and an END that could mean none or several sessions.
 */
export async function reportSessionEvent(report: SessionReport): Promise<ReportedSession> {
  const { source, eventType, nowMs } = report;
  const unit = scopedSession();
  const transaction = await unit.writer();
  const instrument = await activeInstrument(report.instrumentPid);
  // Two reports at a time would not see each other's sessions.
  await unit.dialect.lockSession(transaction, `${source}:${instrument.pid}`);
  const at = report.at ?? nowMs;
  const atMs = typeof at === 'number' ? at : readTime(at, { zone: instrument.timezone }).epochMs;
  const identifier = await identifierOf(report, instrument, atMs);
  const result = await insertLog({
    sessionIdentifier: identifier,
    instrumentPid: instrument.pid,
    eventType,
    at,
    user: report.user,
    source,
  });
  await noteOnce(report, result.sessionIdentifier);
  const closed =
    eventType === 'START' && report.closesOpenSessions
      ? await closeFollowedSessions(source, instrument.pid, result.sessionIdentifier)
      : [];
  const session = await getSession(result.sessionIdentifier);
  const warnings = await warningsOf(report, session, instrument.timezone);
  return {
    ...result,
    status: session.status,
    warnings: [...result.warnings, ...warnings],
    closed,
  };
}
