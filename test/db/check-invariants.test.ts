import { beforeEach, expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import { checkInvariants, type InvariantViolation } from '../../src/db/check-invariants.js';
import { scopedSession } from '../../src/db/scope.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import { describeDatabases } from '../support/databases.js';
import {
  addInstrument,
  build,
  logSession,
  testActivity,
  testDataset,
} from '../support/session-rows.js';

const GENERATION = "event_type = 'RECORD_GENERATION'";
const LOG_ROW =
  "insert into session_log (session_identifier, instrument, timestamp, event_type, record_status, \"user\", attempt, revision) values ('s-1', 'titan', '2026-03-01T09:00:00.000Z', ";
const SECOND_RECORD =
  "insert into records (session_identifier, version, path, public_path, sha256, fingerprint, cause) select session_identifier, 2, 'other path', 'other public path', sha256, fingerprint, cause from records";

/** What breaks a rule, which rule, and the words it is named with. */
const PLANTED: readonly (readonly [
  invariant: InvariantViolation['invariant'],
  message: string,
  statements: readonly string[],
])[] = [
  [
    1,
    'It has more than one START or END.',
    ['drop index session_log_event_unique', `${LOG_ROW} 'START', 'COMPLETED', 'ada', null, 1)`],
  ],
  [
    1,
    'An attempt has more than one RECORD_GENERATION.',
    [
      'drop index session_log_attempt_unique',
      `${LOG_ROW} 'RECORD_GENERATION', 'COMPLETED', 'ada', 1, 1)`,
    ],
  ],
  [
    2,
    'Its rows carry different statuses.',
    [`update session_log set record_status = 'ERROR', revision = 9 where ${GENERATION}`],
  ],
  [
    2,
    'Its rows name different instruments.',
    [`update session_log set instrument = 'helios', revision = 9 where ${GENERATION}`],
  ],
  [
    2,
    'Its rows name different users.',
    [`update session_log set "user" = 'eve', revision = 9 where ${GENERATION}`],
  ],
  [
    2,
    'Its rows name different users.',
    [`update session_log set "user" = null, revision = 9 where ${GENERATION}`],
  ],
  [
    2,
    'Its working row has another status than its log rows.',
    ["update sessions set status = 'ERROR'"],
  ],
  ...[`"user" = 'eve'`, '"user" = null', `instrument = 'helios'`, 'end_at = null'].map(
    (change) =>
      [
        2,
        'Its working row has another instrument, user or time than its log rows.',
        [`update sessions set ${change}`],
      ] as const,
  ),
  [
    2,
    'Its log rows have no working row.',
    [
      'delete from records',
      'delete from build_attempts',
      "delete from sessions where session_identifier = 's-1'",
    ],
  ],
  [
    3,
    'A finished attempt has no RECORD_GENERATION.',
    [`delete from session_log where ${GENERATION}`],
  ],
  [
    3,
    'An attempt that did not finish has a RECORD_GENERATION.',
    ["update build_attempts set outcome = 'DEFERRED'"],
  ],
  [4, 'It is built and has no current record.', ['delete from records']],
  [4, 'It has more than one current record.', ['drop index records_current_unique', SECOND_RECORD]],
  [
    4,
    'It is cancelled or without consent and has a current record.',
    ["update sessions set status = 'CANCELLED'"],
  ],
  [
    4,
    'The database knows files of a session without consent.',
    ["update sessions set status = 'NO_CONSENT'"],
  ],
  [
    5,
    'It has more than one open build attempt, or one that nobody has a lease for.',
    ['update build_attempts set ended_at = null, outcome = null'],
  ],
  [
    5,
    'It is leased and is not to be built, or has no open build attempt.',
    ["update sessions set lease_owner = 'x', lease_expires_at = '2030-01-01T00:00:00.000Z'"],
  ],
  [6, 'A version of its record is missing.', ['update records set version = 2']],
  [6, 'A dataset of its record is missing in the catalogue.', ['update datasets set seqno = 1']],
  [
    6,
    'A version of its record that is not the current one can be found by searching.',
    ["update records set superseded_at = '2026-03-02T00:00:00.000Z'"],
  ],
  [8, 'It is held by a person and not cancelled.', ['update sessions set held_by_person = true']],
  [
    8,
    'A file that a person excluded before is in its current record.',
    [
      `insert into session_files (session_identifier, author, location, location_key, rule, updated_at) values ('s-1', 'eve', '/titan/a.dm3', '${'0'.repeat(64)}', 'exclude', '2026-03-01T00:00:00.000Z')`,
    ],
  ],
];

describeDatabases('checkInvariants', (fixture) => {
  /** What is found after statements that are undone again. */
  async function foundAfter(plant: (transaction: Knex) => Promise<unknown>) {
    let found: readonly InvariantViolation[] = [];
    const undone = new Error('undone');
    await expect(
      fixture.database.createScope(async () => {
        await plant(await scopedSession().writer());
        found = await checkInvariants();
        throw undone;
      }),
    ).rejects.toBe(undone);
    return found;
  }
  const foundAfterSql = (statements: readonly string[]) =>
    foundAfter(async (transaction) => {
      for (const statement of statements) await transaction.raw(statement);
    });

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'helios');
    for (const identifier of ['s-0', 's-1']) {
      await logSession(fixture.database, identifier, {
        start: '2026-03-01T09:00:00Z',
        end: '2026-03-01T11:00:00Z',
        // Not neighbours of each other.
        instrument: identifier === 's-1' ? 'titan' : 'helios',
      });
    }
    const metadata = { Magnification: { value: 5000 } };
    await build(fixture.database, 's-1', {
      record: {
        path: 'path',
        publicPath: 'public path',
        sha256: 'a'.repeat(64),
        cause: 'first build',
        activities: [testActivity([testDataset('/titan/a.dm3', { metadata })])],
      },
    });
  });

  test('finds nothing where nothing is wrong', async () => {
    expect(await foundAfterSql([])).toEqual([]);
  });

  test.each(PLANTED)('%s: %s (%j)', async (invariant, message, statements) => {
    expect(await foundAfterSql(statements)).toContainEqual({
      invariant,
      sessionIdentifier: 's-1',
      message,
    });
  });

  test.each([
    ['start', '2026-03-01T08:00:00Z', 'start_at', '2026-03-01T09:00:00.000Z'],
    ['end', '2026-03-01T12:00:00Z', 'end_at', '2026-03-01T11:00:00.000Z'],
    ['user', null, 'user', 'ada'],
    ['instrument', 'helios', 'instrument', 'titan'],
  ])('8: a corrected %s that a source undid is named', async (field, value, column, was) => {
    const correct = () => setOverrides('s-1', { [field]: value }, { who: 'eve', nowMs: 0 });
    expect(await foundAfter(correct)).toEqual([]);
    const found = await foundAfter(async (transaction) => {
      await correct();
      await transaction('sessions')
        .where('session_identifier', 's-1')
        .update({ [column]: was });
    });
    expect(found).toEqual([
      {
        invariant: 8,
        sessionIdentifier: 's-1',
        message: 'It differs from a correction made by a person.',
      },
    ]);
  });

  test('what SQL changed and nobody took up yet is no violation', async () => {
    expect(
      await foundAfterSql([
        "update session_log set record_status = 'ERROR', \"user\" = 'eve' where event_type = 'END'",
        `${LOG_ROW.replace("'s-1'", "'new'")} 'START', 'WAITING_FOR_END', null, null, 0)`,
      ]),
    ).toEqual([]);
  });
});
