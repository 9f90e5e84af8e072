import { z } from 'zod';
import { VERDICTS, type FileVerdict } from '../domain/found-file.js';
import type { LastLook } from '../domain/working-session.js';
import { shortened } from './clean-text.js';
import { insertMany, type BulkColumn } from './dialect.js';
import { scopedSession } from './scope.js';
import { lastLookColumn } from './session-mapper.js';
import type { FileVerdictRow, SessionRow } from './tables.js';
import { withoutWithheldNames } from './withheld-names.js';

const VERDICT_COLUMNS: readonly BulkColumn[] = [
  { name: 'session_identifier', kind: 'text' },
  { name: 'position', kind: 'integer' },
  { name: 'location', kind: 'text' },
  { name: 'verdict', kind: 'text' },
  { name: 'rule', kind: 'text' },
  { name: 'size_bytes', kind: 'integer' },
  { name: 'mtime_ns', kind: 'integer' },
];

/** Replaces the verdicts of the session's latest look; those on files of sessions without consent are left out. */
export async function saveVerdicts(
  sessionIdentifier: string,
  verdicts: readonly FileVerdict[],
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const told = await withoutWithheldNames(transaction, sessionIdentifier, verdicts);
  await transaction('file_verdicts').where('session_identifier', sessionIdentifier).del();
  await insertMany(
    transaction,
    unit.dialect,
    'file_verdicts',
    VERDICT_COLUMNS,
    told.map((verdict, position) => ({
      session_identifier: sessionIdentifier,
      position,
      location: verdict.location,
      verdict: verdict.verdict,
      rule: shortened(verdict.rule, 20_000),
      size_bytes: verdict.sizeBytes,
      mtime_ns: verdict.mtimeNs.toString(),
    })),
  );
}

/** The verdicts of a look that is not kept, without those on files of sessions that have no consent. */
export async function tellableVerdicts(
  sessionIdentifier: string,
  verdicts: readonly FileVerdict[],
): Promise<readonly FileVerdict[]> {
  return withoutWithheldNames(scopedSession().reader(), sessionIdentifier, verdicts);
}

const verdictName = z.enum(VERDICTS);

/** The verdicts of the latest look, in its order. */
export async function listVerdicts(sessionIdentifier: string): Promise<readonly FileVerdict[]> {
  const knex = scopedSession().reader();
  const rows: FileVerdictRow[] = await knex<FileVerdictRow>('file_verdicts')
    .where('session_identifier', sessionIdentifier)
    .orderBy('position')
    .select('file_verdicts.*', knex.raw('cast(mtime_ns as text) as mtime_ns'));
  return rows.map((row) => ({
    location: row.location,
    verdict: verdictName.parse(row.verdict),
    rule: row.rule,
    sizeBytes: row.size_bytes,
    mtimeNs: BigInt(row.mtime_ns),
  }));
}

/** Remembers what a look saw, for the next one; null: it did not have to wait. */
export async function saveLook(sessionIdentifier: string, look: LastLook | null): Promise<void> {
  const transaction = await scopedSession().writer();
  await transaction<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .update({ last_look: look === null ? null : lastLookColumn.write(look) });
}

/** What the last look saw; null: there was none. */
export async function lastLook(sessionIdentifier: string): Promise<LastLook | null> {
  const row = await scopedSession()
    .reader()<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .first('last_look');
  return row?.last_look == null ? null : lastLookColumn.read(row.last_look);
}
