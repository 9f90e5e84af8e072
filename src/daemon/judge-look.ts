import type { Dataset } from '../domain/dataset.js';
import type { FoundFile } from '../domain/found-file.js';
import type { WorkingSession } from '../domain/working-session.js';
import { fileDelay } from '../files/file-delay.js';
import { isSettled } from '../files/is-settled.js';
import type { LookRequest } from '../files/look-request.js';
import type { Look, LookAtSessionOptions, LookOutcome } from './look-at-session.js';

/** What the current version of the record knows of a file. */
export type RecordedFile = Pick<Dataset, 'location' | 'sizeBytes' | 'mtimeNs'>;

/** Whether a session is to be built from what a look found, or has to wait. Pure. */
export function judgeLook(
  options: Pick<LookAtSessionOptions, 'session' | 'working' | 'policy'> & {
    readonly recorded: readonly RecordedFile[];
  },
  looked: { readonly request: LookRequest; readonly look: Look },
  nowMs: number,
): { readonly outcome: LookOutcome; readonly lastLook: WorkingSession['lastLook'] } {
  const { session, working, policy } = options;
  const endMs = session.end.toMillis();
  const files: readonly FoundFile[] = [...looked.look.files, ...looked.look.needsAcquiredTime];
  if (files.length === 0) {
    const outcome = waitingForFiles(options, nowMs) ?? { kind: 'no-files', look: looked.look };
    return { outcome, lastLook: null };
  }
  const recorded = new Map(options.recorded.map((file) => [file.location, file]));
  const settled = isSettled({
    nowMs,
    endMs,
    files,
    isRecorded: ({ location, sizeBytes, mtimeNs }) => {
      const before = recorded.get(location);
      return before?.sizeBytes === sizeBytes && before.mtimeNs === mtimeNs;
    },
    lastLook: working.lastLook,
    settleTimeMs: policy.settleTimeMs,
    settleMaxMs: policy.settleMaxMs,
  });
  if (settled.kind === 'waiting') {
    const { reason, untilMs, look } = settled;
    return { outcome: { kind: 'waiting', reason, untilMs, files: files.length }, lastLook: look };
  }
  const { warning } = settled;
  const isStillWritten = warning !== null;
  const warnings = isStillWritten ? [warning] : [];
  return { outcome: { kind: 'files', ...looked, warnings, isStillWritten }, lastLook: null };
}

/** How long a session without files waits for them; null: the file delay is over. Pure. */
export function waitingForFiles(
  { session, working, policy }: Pick<LookAtSessionOptions, 'session' | 'working' | 'policy'>,
  nowMs: number,
): Extract<LookOutcome, { kind: 'waiting' }> | null {
  const endMs = session.end.toMillis();
  const absences =
    working.storeAwayMs === 0 ? [] : [{ fromMs: endMs, toMs: endMs + working.storeAwayMs }];
  const delay = fileDelay({ nowMs, endMs, fileDelayMs: policy.fileDelayMs, absences });
  if (delay.kind === 'over') return null;
  const days = Math.round((policy.fileDelayMs / 86_400_000) * 100) / 100;
  return {
    kind: 'waiting',
    reason: `no files yet, waiting for them up to ${days} days after END`,
    untilMs: Math.min(delay.untilMs, nowMs + recheckAfterMs(nowMs - endMs)),
    files: 0,
  };
}

/** Files mostly come soon after END: look often at first, then every quarter of an hour. */
function recheckAfterMs(sinceEndMs: number): number {
  return Math.min(15 * 60_000, Math.max(60_000, sinceEndMs / 4));
}
