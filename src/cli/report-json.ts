import { join } from 'node:path';
import type { BuildReport } from '../daemon/build-ending.js';
import type { FileVerdict } from '../domain/found-file.js';
import type { RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import { zonedTime } from '../domain/zoned-time.js';
import type { TableRow } from './text-table.js';

/** An instant for people and programs: ISO 8601 in UTC with milliseconds. */
export function isoText(epochMs: number): string {
  return zonedTime(epochMs, 'utc').toISO() ?? '';
}

/** A session as the document shows it: one that was built, or one that may not even have a START. */
export type ReportedSession = Omit<
  BuildReport,
  'outcome' | 'startMs' | 'endMs' | 'durationMs' | 'away'
> & {
  readonly outcome: RecordStatus | 'DEFERRED';
  /** Epoch milliseconds; null: not known. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  /** Null: no build was tried. */
  readonly durationMs: number | null;
};

/** A file that was looked at, as documents show it. */
export function verdictDocument({
  location,
  verdict,
  rule,
  sizeBytes,
  mtimeNs,
}: FileVerdict): unknown {
  return {
    location,
    verdict,
    rule,
    size: sizeBytes,
    modified: isoText(Number(mtimeNs / 1_000_000n)),
  };
}

/** How often each outcome occurs, by its name. */
export function countOutcomes(
  reports: readonly Pick<ReportedSession, 'outcome'>[],
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of reports) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `--run-once --json` and `demo --json` print. */
export function reportDocument(reports: readonly ReportedSession[]): unknown {
  return {
    sessions: reports.map((report) => ({
      session_identifier: report.sessionIdentifier,
      session_key: report.sessionKey,
      instrument: report.instrumentPid,
      start: report.startMs === null ? null : isoText(report.startMs),
      end: report.endMs === null ? null : isoText(report.endMs),
      user: report.user,
      outcome: report.outcome,
      reason: report.reason,
      files: report.files,
      activities: report.activities,
      record: report.recordPath,
      version: report.version,
      duration_ms: report.durationMs === null ? null : Math.round(report.durationMs),
    })),
    counts: countOutcomes(reports),
  };
}

/** The same as a table for people. */
export function reportTable(reports: readonly ReportedSession[]): TableRow[] {
  return reports.map((report) => ({
    session: report.sessionKey,
    instrument: report.instrumentPid,
    user: report.user,
    outcome: report.outcome,
    files: report.files,
    activities: report.activities,
    version: report.version,
    record: report.recordPath,
    reason: report.reason,
  }));
}

/** A session as the database has it, with what is to be said of it. */
export interface ListedSession extends Pick<
  ReportedSession,
  'outcome' | 'reason' | 'files' | 'activities'
> {
  readonly session: WorkingSession;
  /** Relative to paths.records; null: no record. */
  readonly record: { readonly publicPath: string; readonly version: number } | null;
  /** Milliseconds of the last attempt; null: none. @default 0: this run tried none */
  readonly durationMs?: number | null;
}

/** A session as the database has it, as the document shows it. @param records paths.records */
export function reportListed(listed: ListedSession, records: string): ReportedSession {
  const { session, outcome, reason, record, files, activities, durationMs = 0 } = listed;
  return {
    sessionIdentifier: session.identifier,
    sessionKey: session.key,
    instrumentPid: session.instrumentPid,
    startMs: session.startMs,
    endMs: session.endMs,
    user: session.user,
    outcome,
    reason,
    files,
    activities,
    recordPath: record === null ? null : join(records, record.publicPath),
    version: record?.version ?? null,
    durationMs,
  };
}
