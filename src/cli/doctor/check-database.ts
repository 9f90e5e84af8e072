import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/database.js';
import { schemaStatus } from '../../db/migrate.js';
import { query } from '../../db/query.js';
import { scopedSession } from '../../db/scope.js';
import { systemErrorCode } from '../../errors.js';
import { databasePlace } from '../../configured-database.js';
import { fail, ok, warn, type CheckResult } from './check-result.js';

/** Seconds by which two machines may differ without anybody noticing. */
const SKEW_NOTED_S = 2;
/** Beyond this, times in records and retries are plainly wrong. */
const SKEW_TOO_LARGE_S = 60;

const TABLES_WRITTEN = ['session_log', 'sessions', 'build_attempts', 'records', 'datasets'];

/** Is the opened database of this version, may it be written, and do its clock and ours agree. */
export async function* checkDatabase(
  config: Config['database'],
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  yield ok('database', `${databasePlace(config)} answers`);
  const schema = await checkSchemaVersion(config, database);
  yield schema;
  if (schema.state !== 'fail') yield await checkRights(config, database);
  yield await checkClock(database);
}

async function checkSchemaVersion(
  config: Config['database'],
  database: Database,
): Promise<CheckResult> {
  const check = 'database schema';
  const { pending, breaking, unknown } = await schemaStatus(database);
  if (breaking.length > 0) {
    return fail(
      check,
      `a newer version changed it in a way this one cannot work with: ${breaking.join(', ')}`,
      'Install that newer version on this machine too.',
    );
  }
  if (pending.length > 0) {
    return fail(
      check,
      `${pending.length} migrations are missing, the first is ${String(pending[0])}`,
      config.client === 'sqlite' || config.migrate === 'auto'
        ? 'Run `recordsmith migrate`, or start the daemon, which does it by itself.'
        : 'Run `recordsmith migrate`.',
    );
  }
  if (unknown.length > 0) {
    return warn(
      check,
      `a newer version added ${unknown.join(', ')}`,
      'Install that newer version on this machine too.',
    );
  }
  return ok(check, 'up to date');
}

async function checkRights(config: Config['database'], database: Database): Promise<CheckResult> {
  const check = 'database rights';
  if (config.client === 'sqlite') {
    try {
      // The folder too: the journal lies beside the database.
      await access(config.file, constants.W_OK);
      await access(dirname(config.file), constants.W_OK);
      return ok(check, 'may be written');
    } catch (error) {
      return fail(
        check,
        `${config.file} and its folder may not both be written (${systemErrorCode(error) ?? 'unknown'})`,
        'Give the account that recordsmith runs under the right to write there.',
      );
    }
  }
  const rows = await database.createScope(() =>
    query(
      `select name from unnest(string_to_array(?, ',')) as name where not has_table_privilege(name, 'INSERT, UPDATE, DELETE')`,
      [TABLES_WRITTEN.join(',')],
    ),
  );
  return rows.length === 0
    ? ok(check, 'may be written')
    : fail(
        check,
        `the tables ${rows.map((row) => String(row['name'])).join(', ')} may not be written`,
        'Grant the role in database.url INSERT, UPDATE and DELETE on all tables of the schema.',
      );
}

async function checkClock(database: Database): Promise<CheckResult> {
  const check = 'database clock';
  const beforeMs = Date.now();
  const [row] = await database.createScope(() =>
    query(`select ${scopedSession().dialect.now} as now`),
  );
  const ourMs = (beforeMs + Date.now()) / 2;
  const skewS = (Date.parse(String(row?.['now'])) - ourMs) / 1000;
  const size = Math.abs(skewS);
  const text = `${size.toFixed(1)} s ${skewS > 0 ? 'ahead of' : 'behind'} this machine`;
  if (size > SKEW_TOO_LARGE_S) return fail(check, text, SYNCHRONISE);
  if (!(size <= SKEW_NOTED_S)) return warn(check, text, SYNCHRONISE);
  return ok(check, 'agrees with this machine');
}

const SYNCHRONISE = 'Have both machines set their clocks by the same time service (NTP).';
