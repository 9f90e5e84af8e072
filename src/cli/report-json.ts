import { DateTime } from 'luxon';
import type { BuildReport } from '../daemon/build-ending.js';
import type { TableRow } from './text-table.js';

/** An instant for people and programs: ISO 8601 in UTC with milliseconds. */
export function isoText(epochMs: number): string {
  return DateTime.fromMillis(epochMs, { zone: 'utc' }).toISO() ?? '';
}

/** How often each outcome occurs, by its name. */
export function countOutcomes(reports: readonly BuildReport[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of reports) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `--run-once --json` and `demo --json` print. */
export function reportDocument(reports: readonly BuildReport[]): unknown {
  return {
    sessions: reports.map((report) => ({
      session_identifier: report.sessionIdentifier,
      session_key: report.sessionKey,
      instrument: report.instrumentPid,
      start: isoText(report.startMs),
      end: isoText(report.endMs),
      user: report.user,
      outcome: report.outcome,
      reason: report.reason,
      files: report.files,
      activities: report.activities,
      record: report.recordPath,
      version: report.version,
      duration_ms: Math.round(report.durationMs),
    })),
    counts: countOutcomes(reports),
  };
}

/** The same as a table for people. */
export function reportTable(reports: readonly BuildReport[]): TableRow[] {
  return reports.map((report) => ({
    session: report.sessionKey,
    instrument: report.instrumentPid,
    user: report.user ?? '',
    outcome: report.outcome,
    files: report.files,
    activities: report.activities,
    version: report.version ?? '',
    reason: report.reason ?? report.recordPath ?? '',
  }));
}
