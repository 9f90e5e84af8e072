import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { insertLog } from '../../src/db/insert-log.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

/** Local times as sources write them, the instants they mean, and a part of the warning. */
const CASES: readonly (readonly [
  identifier: string,
  instrument: string,
  text: string,
  instant: string,
  warning: string | null,
])[] = [
  ['naive', 'titan', '2026-07-01 10:00', '2026-07-01T08:00:00.000Z', null],
  ['naive with seconds', 'titan', '2026-01-15T10:00:30.25', '2026-01-15T09:00:30.250Z', null],
  ['an offset', 'titan', '2026-07-02T10:00:00-0400', '2026-07-02T14:00:00.000Z', null],
  ['ambiguous', 'titan', '2026-10-25T02:30:00', '2026-10-25T00:30:00.000Z', 'exists twice'],
  ['in the gap', 'titan', '2026-03-29T02:30:00', '2026-03-29T01:30:00.000Z', 'does not exist'],
  ['elsewhere', 'kiwi', '2026-07-01T10:00:00', '2026-06-30T22:00:00.000Z', null],
  ['half an hour', 'adelaide', '2026-07-03T10:00:00', '2026-07-03T00:30:00.000Z', null],
];

describeEngines('The time of an event', (engine) => {
  let lab: Lab;
  let built: RunOnceResult;
  const warnings: string[] = [];

  beforeAll(async () => {
    lab = await createLab({
      engine,
      instruments: [
        { pid: 'titan', timezone: 'Europe/Berlin' },
        { pid: 'kiwi', timezone: 'Pacific/Auckland' },
        { pid: 'adelaide', timezone: 'Australia/Adelaide' },
      ],
    });
    for (const [identifier, instrumentPid, start, instant] of CASES) {
      const common = { sessionIdentifier: identifier, instrumentPid, user: 'ada' };
      const startMs = Date.parse(instant);
      lab.spectrum(`${instrumentPid}/${identifier}.msa`, startMs + 60_000);
      // Just outside on both sides: the window is that of the instants.
      lab.spectrum(`${instrumentPid}/${identifier} before.msa`, startMs);
      lab.spectrum(`${instrumentPid}/${identifier} after.msa`, startMs + 300_001);
      await lab.database.createScope(async () => {
        await insertLog(
          { ...common, eventType: 'START', at: start },
          { onWarning: (message) => warnings.push(message) },
        );
        await insertLog({ ...common, eventType: 'END', at: startMs + 300_000 });
      });
    }
    // The process that builds is in another zone than any instrument.
    built = await lab.runOnce([], { TZ: 'Asia/Kathmandu' });
  });
  afterAll(() => lab.remove());

  test.each(CASES)('%s on %s: %s is %s', (identifier, _instrument, _text, instant) => {
    const session = built.sessions.find((one) => one.session_identifier === identifier);
    expect(session).toMatchObject({ start: instant, outcome: 'COMPLETED', files: 1 });
  });

  test('that had to be interpreted is warned of, others are not', () => {
    const expected = CASES.flatMap(([, , , , warning]) => warning ?? []);
    expect(warnings).toHaveLength(expected.length);
    for (const [index, part] of expected.entries()) expect(warnings[index]).toContain(part);
  });

  test('is kept as it was received', async () => {
    const texts = await lab.database
      .knex('session_log')
      .where('event_type', 'START')
      .orderBy('id_session_log')
      .pluck('timestamp_text');
    expect(texts).toEqual(CASES.map(([, , text]) => text));
  });

  test('that is ambiguous takes the later reading where the END would lie before the START', async () => {
    const common = { sessionIdentifier: 'both ambiguous', instrumentPid: 'titan' };
    await lab.database.createScope(async () => {
      // The second half past two of that night.
      await insertLog({ ...common, eventType: 'START', at: '2026-10-25T01:30:00Z' });
      await insertLog({ ...common, eventType: 'END', at: '2026-10-25T02:45:00' });
    });
    const end = await lab.database
      .knex('session_log')
      .where({ session_identifier: 'both ambiguous', event_type: 'END' })
      .first<{ timestamp: string }>('timestamp');
    expect(end).toEqual({ timestamp: '2026-10-25T01:45:00.000Z' });
  });

  test('that is no time is refused, and nothing is written', async () => {
    for (const at of ['yesterday', '2026-02-30T10:00:00Z', '2026-07-01T25:00:00', '']) {
      const event = { sessionIdentifier: 'no time', instrumentPid: 'titan' };
      await expect(
        lab.database.createScope(() => insertLog({ ...event, eventType: 'START', at })),
      ).rejects.toMatchObject({ code: 'TIME_INVALID' });
    }
    expect(
      await lab.database.knex('session_log').where('session_identifier', 'no time'),
    ).toHaveLength(0);
  });
});
