import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.js';
import { getInstrument } from '../db/instrument-store.js';
import { currentRecord } from '../db/record-store.js';
import { insertLog, type InsertLogResult } from '../db/insert-log.js';
import { findSession, listSessions, sessionHistory } from '../db/session-store.js';
import type { Instrument } from '../domain/instrument.js';
import type { WorkingSession } from '../domain/working-session.js';
import { AppError } from '../errors.js';
import { SESSION_PROBLEMS, type SessionProblem } from '../sessions/assemble-sessions.js';
import type { CommandContext } from './command-context.js';
import { localTimeText } from './local-time-text.js';
import { isoText } from './report-json.js';
import {
  changeLines,
  changeRemarks,
  futureWarnings,
  sessionChanges,
  type SessionChange,
} from './sessions/session-changes.js';
import { withDatabase } from './with-database.js';

/** What `log start` and `log end` were given. */
export interface LogEventOptions {
  readonly eventType: 'START' | 'END';
  readonly instrument?: string;
  /** Session identifier or key. */
  readonly session?: string;
  readonly user?: string;
  /** Text of a time as typed; default now. */
  readonly at?: string;
}

/** Open sessions that are named in a message. */
const MOST_NAMED = 10;

interface LoggedSessionEvent {
  readonly result: InsertLogResult;
  readonly session: WorkingSession;
  readonly zone: string;
  /** Epoch milliseconds of the event. */
  readonly atMs: number;
  readonly warnings: readonly string[];
  /** Against what the session was before; of a new one nothing. */
  readonly changes: readonly SessionChange[];
  readonly remarks: readonly string[];
}

function named(sessions: readonly WorkingSession[], zone: string): string {
  const shown = sessions
    .slice(0, MOST_NAMED)
    .map(
      ({ key, user, startMs }) =>
        `${key} (${user ?? 'nobody'}, since ${startMs === null ? '?' : localTimeText(startMs, zone)})`,
    );
  return [...shown, ...(sessions.length > MOST_NAMED ? ['more'] : [])].join(', ');
}

/** Sessions of an instrument with a START and no END, latest first; one more than are ever named. */
async function openSessions(pid: string): Promise<readonly WorkingSession[]> {
  const { sessions } = await listSessions(
    { statuses: ['WAITING_FOR_END'], instrumentPid: pid, started: true },
    { limit: MOST_NAMED + 1 },
  );
  return sessions.filter((session) => session.endMs === null);
}

/** The one open session of an instrument, for an END that names none. @throws AppError INPUT_INVALID */
async function onlyOpenSession({ pid, timezone }: Instrument): Promise<string> {
  const [only, ...others] = await openSessions(pid);
  if (only === undefined) {
    throw new AppError('INPUT_INVALID', `No session is open on ${pid}.`, {
      remedy: 'Name the session with --session; `recordsmith sessions list` shows them.',
      details: { instrument: pid },
    });
  }
  if (others.length > 0) {
    const open = [only, ...others];
    throw new AppError(
      'INPUT_INVALID',
      `More than one session is open on ${pid}: ${named(open, timezone)}.`,
      {
        remedy: 'Say which one ends with --session KEY.',
        details: { instrument: pid, open: open.map(({ key }) => key) },
      },
    );
  }
  return only.identifier;
}

/** The identifier and instrument of the event. The new identifier is used when a START names no session. */
async function subjectOf(
  { eventType, instrument, session }: LogEventOptions,
  newIdentifier: string,
): Promise<{ readonly identifier: string; readonly pid: string }> {
  const known = session === undefined ? null : await findSession(session);
  const pid = instrument ?? known?.instrumentPid;
  if (pid === undefined) {
    throw new AppError('INPUT_INVALID', `There is no session ${String(session)} yet.`, {
      remedy: 'Name its instrument with --instrument PID.',
    });
  }
  const checked = await getInstrument(pid);
  if (session !== undefined) return { identifier: known?.identifier ?? session, pid: checked.pid };
  const identifier = eventType === 'START' ? newIdentifier : await onlyOpenSession(checked);
  return { identifier, pid: checked.pid };
}

function isSessionProblem(name: string | null): name is SessionProblem {
  return name !== null && Object.hasOwn(SESSION_PROBLEMS, name);
}

async function warningsOf(
  eventType: 'START' | 'END',
  session: WorkingSession,
  zone: string,
  nowMs: number,
): Promise<string[]> {
  const warnings: string[] = [];
  if (isSessionProblem(session.problem)) {
    const { message, remedy } = SESSION_PROBLEMS[session.problem];
    warnings.push(`${message} ${remedy.replaceAll(/\bID\b/g, session.key)}`);
  }
  const { startMs, endMs } = session;
  const said = eventType === 'START' ? { startMs, endMs: null } : { startMs: null, endMs };
  warnings.push(...futureWarnings(said, nowMs));
  if (eventType === 'START') {
    const others = (await openSessions(session.instrumentPid)).filter(
      ({ identifier }) => identifier !== session.identifier,
    );
    if (others.length > 0) {
      warnings.push(`Also open on ${session.instrumentPid}: ${named(others, zone)}.`);
    }
  }
  return warnings;
}

async function writeEvent(
  options: LogEventOptions,
  present: { readonly nowMs: number; readonly newIdentifier: string },
): Promise<LoggedSessionEvent> {
  const { eventType, user, at } = options;
  const { identifier, pid } = await subjectOf(options, present.newIdentifier);
  const before = await findSession(identifier);
  const isNow = at === undefined || at.trim().toLowerCase() === 'now';
  const result = await insertLog({
    sessionIdentifier: identifier,
    instrumentPid: pid,
    eventType,
    at: isNow ? present.nowMs : at,
    ...(user === undefined ? {} : { user }),
  });
  const session = await findSession(result.sessionIdentifier);
  const { events } = await sessionHistory(result.sessionIdentifier);
  const event = events.find((row) => row.eventType === eventType);
  const { timezone } = await getInstrument(session?.instrumentPid ?? pid);
  const record = await currentRecord(result.sessionIdentifier);
  if (session === null || event === undefined) {
    throw new AppError(
      'INTERNAL',
      `The session ${identifier} is not there after its ${eventType}.`,
    );
  }
  return {
    result,
    session,
    zone: timezone,
    atMs: event.atMs,
    warnings: [
      ...result.warnings,
      ...(await warningsOf(eventType, session, timezone, present.nowMs)),
    ],
    changes: before === null ? [] : sessionChanges(before, session),
    remarks: before === null ? [] : changeRemarks(before, session, record?.version ?? null),
  };
}

/**
 * Writes a START or END into the session log and prints what became of the session.
 * @throws AppError INPUT_INVALID, INSTRUMENT_NOT_FOUND, TIME_INVALID; USAGE when neither session nor instrument is named.
 */
export async function logSessionEvent(
  context: CommandContext,
  options: LogEventOptions,
): Promise<void> {
  if (options.instrument === undefined && options.session === undefined) {
    throw new AppError('USAGE', `The ${options.eventType} needs an instrument.`, {
      remedy: `recordsmith log ${options.eventType.toLowerCase()} --instrument PID`,
    });
  }
  const present = { nowMs: systemClock.now().toMillis(), newIdentifier: randomUUID() };
  await withDatabase(context, async ({ database, log }) => {
    const logged = await database.createScope(() => writeEvent(options, present));
    const { result, session, zone, atMs, warnings, changes, remarks } = logged;
    for (const warning of warnings) log.warn(warning, { session: session.key });
    if (context.json) {
      context.printJson({
        kind: result.kind,
        event_type: options.eventType,
        session_identifier: session.identifier,
        session_key: session.key,
        instrument: session.instrumentPid,
        user: session.user,
        timestamp: isoText(atMs),
        status: result.status,
        warnings,
        changed: changes,
        remarks,
      });
      return;
    }
    const words = { inserted: 'logged', updated: 'changed', duplicate: 'was logged already' };
    const who = session.user === null ? '' : `, ${session.user}`;
    context.print(
      `${options.eventType} of ${session.key} ${words[result.kind]}: ${session.instrumentPid}${who}, ` +
        `${localTimeText(atMs, zone)}; ${result.status}`,
    );
    // An END that a session waited for is no change of it.
    if (result.kind === 'updated') {
      for (const line of changeLines(changes, zone)) context.print(line);
    }
    for (const remark of remarks) context.note(remark);
  });
}
