import { createHash } from 'node:crypto';
import type { Location } from '../domain/location.js';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText } from './clean-text.js';
import { instantMs } from './instant.js';
import { raiseInputs } from './refresh-session.js';
import { scopedSession } from './scope.js';
import { lockedSession } from './locked-session.js';
import type { SessionFileRow } from './tables.js';

/** A file that a person put into a session or took out of it. */
export interface FileRule {
  readonly location: Location;
  readonly rule: 'include' | 'exclude';
  readonly author: string;
  readonly reason: string | null;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

/** Who decides on a file, and why. */
export interface FileRuleOptions {
  readonly author: string;
  readonly reason?: string | null;
}

/** Puts a file into a session, whatever the rules say. */
export function includeFile(
  idOrKey: string,
  location: Location,
  options: FileRuleOptions,
): Promise<void> {
  return setFileRule(idOrKey, location, 'include', options);
}

/** Takes a file out of a session, whatever the rules say. */
export function excludeFile(
  idOrKey: string,
  location: Location,
  options: FileRuleOptions,
): Promise<void> {
  return setFileRule(idOrKey, location, 'exclude', options);
}

function locationKey(location: Location): string {
  return createHash('sha256').update(location, 'utf8').digest('hex');
}

async function setFileRule(
  idOrKey: string,
  location: Location,
  rule: FileRule['rule'],
  options: FileRuleOptions,
): Promise<void> {
  if (!/^\/[\x21-\x7e]+$/.test(location)) {
    throw new AppError('INPUT_INVALID', `'${location.slice(0, 200)}' is no location.`, {
      remedy: 'Give the percent-encoded path from paths.data with a leading slash.',
    });
  }
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const row = {
    author: boundedText('The author', options.author, 255),
    rule,
    reason: cleanOptionalText(options.reason),
  };
  await transaction('session_files')
    .insert({
      ...row,
      session_identifier: session.session_identifier,
      location,
      location_key: locationKey(location),
    })
    .onConflict(['session_identifier', 'location_key'])
    .merge({ ...row, updated_at: transaction.raw(unit.dialect.now) });
  await raiseInputs(transaction, unit.dialect, session.session_identifier, null);
}

/** Leaves the file to the rules again. @returns false when nothing was said about it. */
export async function removeFileRule(idOrKey: string, location: Location): Promise<boolean> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const removed = await transaction('session_files')
    .where({
      session_identifier: session.session_identifier,
      location_key: locationKey(location),
    })
    .del();
  if (removed > 0) await raiseInputs(transaction, unit.dialect, session.session_identifier, null);
  return removed > 0;
}

/** What people decided about files of a session. */
export async function listFileRules(sessionIdentifier: string): Promise<readonly FileRule[]> {
  const rows = await scopedSession()
    .reader()<SessionFileRow>('session_files')
    .where('session_identifier', sessionIdentifier)
    .orderBy('id')
    .select();
  return rows.map((row) => ({
    location: row.location,
    rule: row.rule,
    author: row.author,
    reason: row.reason,
    atMs: instantMs(row.created_at),
  }));
}
