import type { FolderClockOffsets } from './frozen-clock-offsets.js';
import type { RecordStatus } from './record-status.js';
import type { Session } from './session.js';
import { zonedTime } from './zoned-time.js';

/** What is remembered of a look that found files still arriving, so that the next one can compare. */
export interface LastLook {
  /** Over places, sizes and times of the young files. */
  readonly digest: string;
  /** Epoch milliseconds of the first look that had to wait. */
  readonly waitingSinceMs: number;
}

/** A session as the database knows it: also open, finished and faulty ones. Overrides are already applied. */
export interface WorkingSession {
  readonly identifier: string;
  readonly key: string;
  readonly instrumentPid: string;
  readonly user: string | null;
  /** Epoch milliseconds; null: the log has no START or END. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly source: string | null;
  readonly status: RecordStatus;
  /** Name of the problem that keeps it from being built; null: none. */
  readonly problem: string | null;
  readonly inputsRevision: number;
  /** Who builds it now, until when by the database's clock; null: nobody. */
  readonly lease: { readonly owner: string; readonly expiresAtMs: number } | null;
  /** Build attempts ever begun. */
  readonly attempts: number;
  /** Failed tries with the present inputs, and when the first one was (epoch milliseconds). */
  readonly tries: number;
  readonly firstFailedAtMs: number | null;
  /** Builds in a row whose process died without explanation. */
  readonly diedBuilds: number;
  /** Epoch milliseconds before which it is not built; null: at once. */
  readonly nextAttemptAtMs: number | null;
  readonly deferralReason: string | null;
  readonly heldByPerson: boolean;
  readonly builtElsewhere: boolean;
  /** The next build drops datasets that are gone. */
  readonly rebuildFresh: boolean;
  /** Of the inputs of the current version of the record. */
  readonly fingerprint: string | null;
  /** Null: no look had to wait for files. */
  readonly lastLook: LastLook | null;
  /** Of the instrument's folders, frozen when the session ended; null: not yet. See clockOffsetsFor. */
  readonly clockOffsets: readonly FolderClockOffsets[] | null;
  /** Milliseconds for which the file delay stood still because the store was away (finished absences only). */
  readonly storeAwayMs: number;
  /** Epoch milliseconds since when the store is away; null: it is there. */
  readonly storeAwaySinceMs: number | null;
}

/** The complete session that a build works on, or null while START or END is missing. */
export function completeSession(session: WorkingSession): Session | null {
  if (session.startMs === null || session.endMs === null) return null;
  const start = zonedTime(session.startMs, 'utc');
  const end = zonedTime(session.endMs, 'utc');
  if (!start.isValid || !end.isValid) return null;
  return {
    identifier: session.identifier,
    key: session.key,
    instrumentPid: session.instrumentPid,
    user: session.user,
    start,
    end,
    source: session.source,
    inputsRevision: session.inputsRevision,
  };
}
