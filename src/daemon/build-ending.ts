import type { Activity } from '../domain/activity.js';
import type { AttemptOutcome, BuildOutcome } from '../domain/record-status.js';
import type { SettledAnswer } from '../db/source-answer-store.js';
import type { ErrorCode } from '../errors.js';
import type { BuildPolicy } from './build-environment.js';

/** A version of a record whose files are written, not yet named by the database. */
export interface WrittenVersion {
  /** Paths relative to the records folder. */
  readonly path: string;
  readonly publicPath: string;
  readonly sha256: string;
  readonly fingerprint: string;
  readonly cause: string;
  readonly activities: readonly Activity[];
}

/** What is away when a build is put off: the instrument's store, the session's source, or our own folders that every build writes to. */
export type WhatIsAway = 'store' | 'source' | 'folders';

/** How the work on a session came out, before the database has said yes. */
export type BuildEnding =
  | {
      readonly kind: 'settle';
      readonly outcome: BuildOutcome;
      /** In words, for people; null: nothing to say. */
      readonly reason: string | null;
      /** What an ERROR is about, for `sessions retry --code`. */
      readonly errorCode?: ErrorCode;
      /** Null: no record, or the current version still holds. */
      readonly version: WrittenVersion | null;
      /** What the source answered; absent: none was asked. */
      readonly sourceAnswer?: SettledAnswer;
      readonly files: number;
      readonly activities: number;
    }
  | {
      readonly kind: 'defer';
      readonly reason: string;
      readonly retryInMs: number;
      /** True for a failure of the session itself, which is tried a bounded number of times. */
      readonly countsAsTry: boolean;
      /** Null: nothing. Sessions that need the same need not be tried in this pass. */
      readonly away: WhatIsAway | null;
      readonly files: number;
    };

/** What one attempt came to, as printed by `--run-once` and the demo. */
export interface BuildReport {
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  readonly instrumentPid: string;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly user: string | null;
  readonly outcome: AttemptOutcome;
  readonly reason: string | null;
  readonly files: number;
  readonly activities: number;
  /** Absolute path of the public XML file; null: the session has no record. */
  readonly recordPath: string | null;
  readonly version: number | null;
  readonly durationMs: number;
  /** Why it was put off or not even tried; null: for no such reason. */
  readonly away: WhatIsAway | null;
}

/** What became of a session that a pass took up. */
export type BuildResult =
  | { readonly kind: 'built'; readonly report: BuildReport }
  /** Somebody else has it, it is no longer due, or its inputs changed meanwhile: it comes again by itself. */
  | { readonly kind: 'passed-over'; readonly reason: string };

/** The session gets this status. */
export function settled(
  outcome: BuildOutcome,
  reason: string,
  counts: { readonly files: number; readonly activities: number } = { files: 0, activities: 0 },
): BuildEnding {
  return { kind: 'settle', outcome, reason, version: null, ...counts };
}

/** The session is an ERROR. */
export function failed(
  errorCode: ErrorCode,
  reason: string,
  counts: { readonly files: number; readonly activities: number } = { files: 0, activities: 0 },
): BuildEnding {
  return { kind: 'settle', outcome: 'ERROR', errorCode, reason, version: null, ...counts };
}

/** The session is put off. */
export function deferred(
  reason: string,
  retryInMs: number,
  more: {
    readonly away?: WhatIsAway | null;
    readonly countsAsTry?: boolean;
    readonly files?: number;
  } = {},
): BuildEnding {
  const { away = null, countsAsTry = false, files = 0 } = more;
  return { kind: 'defer', reason, retryInMs, countsAsTry, away, files };
}

/** No file came within the file delay. */
export function noFilesFound(policy: BuildPolicy): BuildEnding {
  const days = Math.round((policy.fileDelayMs / 86_400_000) * 100) / 100;
  const reason = `no file was written between START and END, and the file delay (${days} days) is over`;
  return settled('NO_FILES_FOUND', reason);
}

/** The session has more files than one session may. */
export function tooManyFiles(files: number, policy: BuildPolicy): BuildEnding {
  const counts = { files, activities: 0 };
  const limit = policy.sessionFileLimit;
  const reason = `${files} files, more than build.limits.session_files (${limit}) allows`;
  return failed('LIMIT_EXCEEDED', reason, counts);
}

/** Its builds keep dying with their process. */
export function diedTooOften(diedBuilds: number): BuildEnding {
  return failed('INTERNAL', `the build died ${diedBuilds} times in a row without explanation`);
}

/** The record does not follow its schema. */
export function invalidRecord(
  faults: readonly { readonly line: number; readonly message: string }[],
  keptAside: string,
  counts: { readonly files: number; readonly activities: number },
): BuildEnding {
  const [first] = faults;
  const what = first === undefined ? 'it is not valid' : `line ${first.line}: ${first.message}`;
  const reason = `RECORD_INVALID: the record does not follow its schema (${what}); kept in ${keptAside}`;
  return failed('RECORD_INVALID', reason, counts);
}
