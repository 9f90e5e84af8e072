import { systemClock } from '../../clock.js';
import { retrySessions, type RetryResult } from '../../db/retry-sessions.js';
import { listInstruments } from '../../db/instrument-store.js';
import { activePauses, type Pause } from '../../db/pause-store.js';
import { getSession } from '../../db/session-store.js';
import type { RecordStatus } from '../../domain/record-status.js';
import { AppError, type ErrorCode } from '../../errors.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { localTimeText } from '../local-time-text.js';
import { isoText } from '../report-json.js';
import { withDatabase } from '../with-database.js';
import { selectionTime, selectionZone } from './given-period.js';
import { pauseOf } from './session-words.js';

/** What `sessions retry` was given. */
export interface RetrySessionsOptions {
  readonly status?: readonly RecordStatus[];
  readonly code?: ErrorCode;
  readonly instrument?: string;
  /** Text of a time as typed. */
  readonly since?: string;
  readonly fresh?: boolean;
  readonly dryRun?: boolean;
}

interface Retried extends RetryResult {
  readonly pauses: readonly Pause[];
  /** Time zones, by instrument_pid. */
  readonly zones: ReadonlyMap<string, string>;
}

async function retry(
  ids: readonly string[],
  options: RetrySessionsOptions,
  nowMs: number,
): Promise<Retried> {
  const { status, code, instrument, since, fresh, dryRun } = options;
  const sinceMs = selectionTime(since, await selectionZone(instrument), nowMs);
  const identifiers: string[] = [];
  for (const id of ids) identifiers.push((await getSession(id)).identifier);
  const result = await retrySessions(
    {
      ...(identifiers.length === 0 ? {} : { identifiers }),
      ...(status === undefined ? {} : { statuses: status }),
      ...(code === undefined ? {} : { code }),
      ...(instrument === undefined ? {} : { instrumentPid: instrument }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    },
    { fresh: fresh === true, dryRun: dryRun === true },
  );
  const instruments = await listInstruments();
  return {
    ...result,
    pauses: await activePauses(nowMs),
    zones: new Map(instruments.map(({ pid, timezone }) => [pid, timezone])),
  };
}

/** When the session is built again, as the end of a sentence. */
function whenBuilt(
  { key, instrumentPid, endMs, problem }: RetryResult['retried'][number],
  { pauses, zones }: Retried,
  nowMs: number,
): string {
  if (problem !== null) {
    return `when its problem is mended (${problem}): recordsmith sessions show ${key}`;
  }
  const after =
    endMs === null || endMs <= nowMs
      ? null
      : `after its END, ${localTimeText(endMs, zones.get(instrumentPid) ?? 'utc')}`;
  const pause = pauseOf({ instrumentPid }, pauses);
  if (pause !== undefined) {
    return `when its pause ends${after === null ? '' : ` and ${after}`} (${pause.author}: ${pause.reason})`;
  }
  return after ?? 'by the next pass';
}

/**
 * Has sessions built again and prints which; those that cannot be are listed with the reason and make the exit code 65.
 * @throws AppError USAGE without any selection, SESSION_NOT_FOUND, INSTRUMENT_NOT_FOUND, TIME_INVALID.
 */
export async function retryAndPrint(
  context: CommandContext,
  ids: readonly string[],
  options: RetrySessionsOptions,
): Promise<ExitCode> {
  const { status, code, instrument, since, dryRun } = options;
  if (ids.length === 0 && [status, code, instrument, since].every((value) => value === undefined)) {
    throw new AppError('USAGE', 'It is not said which sessions to build again.', {
      remedy: 'Name sessions, or select with --status, --code, --instrument or --since.',
    });
  }
  const nowMs = systemClock.now().toMillis();
  const result = await withDatabase(
    context,
    ({ database }) => database.createScope(() => retry(ids, options, nowMs)),
    { readOnly: dryRun === true },
  );
  const { retried, refused } = result;
  if (context.json) {
    context.printJson({
      dry_run: dryRun === true,
      retried: retried.map(({ identifier, key, from, endMs }) => ({
        session_identifier: identifier,
        session_key: key,
        from,
        not_before: endMs === null || endMs <= nowMs ? null : isoText(endMs),
      })),
      refused: refused.map(({ identifier, key, from, reason }) => ({
        session_identifier: identifier,
        session_key: key,
        from,
        reason,
      })),
    });
  } else {
    context.table([
      ...retried.map((session) => ({
        session: session.key,
        was: session.from,
        identifier: session.identifier,
        result: `${dryRun === true ? 'would be' : 'is'} built again ${whenBuilt(session, result, nowMs)}`,
      })),
      ...refused.map(({ key, from, reason, identifier }) => ({
        session: key,
        was: from,
        identifier,
        result: `refused: ${reason}`,
      })),
    ]);
    if (retried.length + refused.length === 0) context.note('No session is like that.');
  }
  return refused.length === 0 ? EXIT.done : EXIT.badData;
}
