import { systemClock } from '../../clock.js';
import { retrySessions, type RetryResult } from '../../db/retry-sessions.js';
import { getSession } from '../../db/session-store.js';
import type { RecordStatus } from '../../domain/record-status.js';
import { AppError, type ErrorCode } from '../../errors.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withDatabase } from '../with-database.js';
import { selectionTime, selectionZone } from './given-period.js';

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

async function retry(
  ids: readonly string[],
  options: RetrySessionsOptions,
  nowMs: number,
): Promise<RetryResult> {
  const { status, code, instrument, since, fresh, dryRun } = options;
  const sinceMs = selectionTime(since, await selectionZone(instrument), nowMs);
  const identifiers: string[] = [];
  for (const id of ids) identifiers.push((await getSession(id)).identifier);
  return retrySessions(
    {
      ...(identifiers.length === 0 ? {} : { identifiers }),
      ...(status === undefined ? {} : { statuses: status }),
      ...(code === undefined ? {} : { code }),
      ...(instrument === undefined ? {} : { instrumentPid: instrument }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    },
    { fresh: fresh === true, dryRun: dryRun === true },
  );
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
  const { retried, refused } = await withDatabase(
    context,
    ({ database }) => database.createScope(() => retry(ids, options, nowMs)),
    { readOnly: dryRun === true },
  );
  if (context.json) {
    context.printJson({
      dry_run: dryRun === true,
      retried: retried.map(({ identifier, key, from }) => ({
        session_identifier: identifier,
        session_key: key,
        from,
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
      ...retried.map(({ key, from, identifier }) => ({
        session: key,
        was: from,
        identifier,
        result: dryRun === true ? 'would be built again' : 'is built again by the next pass',
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
