import { systemClock } from '../../clock.js';
import { getInstrument } from '../../db/instrument-store.js';
import { clearOverrides, setOverrides, type SessionCorrections } from '../../db/set-overrides.js';
import { currentRecord } from '../../db/record-store.js';
import { getSession, listOverrides } from '../../db/session-store.js';
import { readTime } from '../../domain/local-time.js';
import type { WorkingSession } from '../../domain/working-session.js';
import { AppError } from '../../errors.js';
import { escapeControls } from '../../log-values.js';
import type { OverrideField } from '../../sessions/assemble-sessions.js';
import { actingUser } from '../acting-user.js';
import type { CommandContext } from '../command-context.js';
import { localTimeText } from '../local-time-text.js';
import { withDatabase } from '../with-database.js';
import { changeLines, changeRemarks, futureWarnings, sessionChanges } from './session-changes.js';
import { overrideDocument } from './session-overrides.js';
import { problemInWords, sessionDocument } from './session-words.js';

/** What `sessions set` was given. */
export interface SetSessionOptions {
  /** Texts of times as typed. */
  readonly start?: string;
  readonly end?: string;
  /** False: --no-user. */
  readonly user?: string | false;
  readonly instrument?: string;
  readonly why?: string;
  readonly as?: string;
  /** True: --clear without a field. */
  readonly clear?: true | readonly OverrideField[];
}

interface ReadCorrections {
  readonly corrections: SessionCorrections;
  readonly warnings: readonly string[];
}

/** The corrections as typed; local times are those of the instrument that the session has afterwards. */
async function readCorrections(
  options: SetSessionOptions,
  session: WorkingSession,
): Promise<ReadCorrections> {
  const { user, instrument } = options;
  const { timezone } = await getInstrument(instrument ?? session.instrumentPid);
  const start = options.start === undefined ? null : readTime(options.start, { zone: timezone });
  const startMs = start?.epochMs ?? session.startMs;
  const end =
    options.end === undefined
      ? null
      : readTime(options.end, {
          zone: timezone,
          ...(startMs === null ? {} : { notBeforeMs: startMs }),
        });
  return {
    corrections: {
      ...(start === null ? {} : { start: start.epochMs }),
      ...(end === null ? {} : { end: end.epochMs }),
      ...(user === undefined ? {} : { user: user === false ? null : user }),
      ...(instrument === undefined ? {} : { instrument }),
    },
    warnings: [start?.warning, end?.warning].filter((warning) => typeof warning === 'string'),
  };
}

/** A person who types the END before the START means something else. */
function checkOrder(session: WorkingSession, corrections: SessionCorrections, zone: string): void {
  const { startMs, endMs } = session;
  if (corrections.start === undefined && corrections.end === undefined) return;
  if (startMs === null || endMs === null || endMs >= startMs) return;
  throw new AppError(
    'INPUT_INVALID',
    `The END ${localTimeText(endMs, zone)} would lie before the START ${localTimeText(startMs, zone)}.`,
    { remedy: 'Correct both at once with --start and --end.', details: { session: session.key } },
  );
}

interface Corrected {
  readonly before: WorkingSession;
  readonly session: WorkingSession;
  readonly warnings: readonly string[];
}

async function correct(id: string, options: SetSessionOptions, nowMs: number): Promise<Corrected> {
  const session = await getSession(id);
  if (options.clear !== undefined) {
    await clearOverrides(session.identifier, options.clear === true ? undefined : options.clear);
    return { before: session, session: await getSession(session.identifier), warnings: [] };
  }
  const { corrections, warnings } = await readCorrections(options, session);
  const who = options.as ?? actingUser();
  await setOverrides(session.identifier, corrections, { who, why: options.why ?? null, nowMs });
  const corrected = await getSession(session.identifier);
  const { timezone } = await getInstrument(corrected.instrumentPid);
  checkOrder(corrected, corrections, timezone);
  const { start, end } = corrections;
  const typed = {
    startMs: start === undefined ? null : corrected.startMs,
    endMs: end === undefined ? null : corrected.endMs,
  };
  return {
    before: session,
    session: corrected,
    warnings: [...warnings, ...futureWarnings(typed, nowMs)],
  };
}

function checkOptions(options: SetSessionOptions): void {
  const { start, end, user, instrument, clear } = options;
  const corrects = [start, end, user, instrument].some((value) => value !== undefined);
  if (corrects !== (clear !== undefined)) return;
  throw new AppError(
    'USAGE',
    corrects
      ? 'Correct fields or take corrections back (--clear), one after the other.'
      : 'It is not said what to correct.',
    { remedy: 'recordsmith sessions set --help' },
  );
}

/**
 * Corrects a session, or takes corrections back, and prints what it is now.
 * @throws AppError USAGE, SESSION_NOT_FOUND, INSTRUMENT_NOT_FOUND, TIME_INVALID, INPUT_INVALID (END before START).
 */
export async function setSession(
  context: CommandContext,
  id: string,
  options: SetSessionOptions,
): Promise<void> {
  checkOptions(options);
  const nowMs = systemClock.now().toMillis();
  await withDatabase(context, async ({ database, log }) => {
    const corrected = await database.createScope(async () => {
      const result = await correct(id, options, nowMs);
      const { identifier, instrumentPid } = result.session;
      return {
        ...result,
        version: (await currentRecord(identifier))?.version ?? null,
        overrides: await listOverrides(identifier),
        zone: (await getInstrument(instrumentPid)).timezone,
      };
    });
    const { before, session, warnings, overrides, version, zone } = corrected;
    const changes = sessionChanges(before, session);
    const remarks = changeRemarks(before, session, version);
    for (const warning of warnings) log.warn(warning, { session: session.key });
    if (context.json) {
      context.printJson({
        ...sessionDocument(session, null),
        overrides: overrides.map(overrideDocument),
        changed: changes,
        remarks,
      });
      return;
    }
    const time = (epochMs: number | null) =>
      epochMs === null ? 'open' : localTimeText(epochMs, zone);
    context.print(
      `${session.key}: ${session.instrumentPid}, ${escapeControls(session.user ?? 'no user')}, ` +
        `${time(session.startMs)} to ${time(session.endMs)}; ${session.status}`,
    );
    if (changes.length === 0) context.note('Nothing changed.');
    for (const line of changeLines(changes, zone)) context.print(line);
    for (const remark of remarks) context.note(remark);
    const problem = problemInWords(session);
    if (problem !== null) context.print(`problem: ${problem.message} ${problem.remedy}`);
  });
}
