import { describe, expect, test } from '@jest/globals';
import { isAppError, type AppError } from '../../src/errors.js';
import type { NemoClientOptions } from '../../src/sources/nemo/nemo-options.js';
import { all, clientOf, errorOf, idsOf, json, lab, ROW, scripted, TOKEN } from './nemo-lab.js';

describe('rows', () => {
  async function eventOf(changes: object, options: Partial<NemoClientOptions> = {}) {
    const server = await scripted((_, response) => json(response, { ...ROW, ...changes }));
    return clientOf(server.baseUrl, TOKEN, options).usageEvent(1);
  }

  test('what 4.x does not tell is null, and expanded keys are their ids', async () => {
    const expanded = { user: { id: 7, username: 'pierre' }, tool: { id: 3, name: 'Titan' } };
    expect(await eventOf(expanded)).toMatchObject({
      ...{ userId: 7, toolId: 3, operatorId: 2, end: null },
      ...{ training: null, waived: null, hasEnded: null, staffChargeId: null, remoteWork: null },
      ...{ preRunData: { kind: 'absent' }, runData: { kind: 'absent' } },
    });
  });

  test.each<[unknown, object]>([
    ['', { kind: 'no-questions' }],
    [null, { kind: 'absent' }],
    [
      '{\n\t"data_consent": {"user_input": "Agree"}}',
      { kind: 'answers', questions: { data_consent: { user_input: 'Agree' } } },
    ],
    ['{"a": ', { kind: 'broken', reason: 'not-json', text: '{"a": ' }],
    ['[1]', { kind: 'broken', reason: 'not-an-object' }],
    ['null', { kind: 'broken', reason: 'not-an-object' }],
    ['{"a": 1, "a": 2}', { kind: 'broken', reason: 'duplicate-key' }],
    ['['.repeat(100_000), { kind: 'broken', reason: 'not-json' }],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, { kind: 'broken', reason: 'too-deep' }],
    [{ a: { user_input: '1' } }, { kind: 'answers', questions: { a: { user_input: '1' } } }],
  ])('pre_run_data %#', async (data, expected) => {
    expect(await eventOf({ pre_run_data: data })).toMatchObject({ preRunData: expected });
  });

  test('instants are cut to milliseconds and keep their text', async () => {
    const start = '2026-11-20T23:51:33.540902-05:00';
    expect(await eventOf({ start })).toMatchObject({
      start: { epochMs: Date.parse('2026-11-21T04:51:33.540Z'), text: start, uncertainMs: 0 },
    });
  });

  test.each<[string, string, string, string | undefined]>([
    ['11-20-2026 23:51:33', '%m-%d-%Y %H:%M:%S', '2026-11-21T04:51:33Z', undefined],
    ['20.11.2026 11:51 PM', '%d.%m.%Y %I:%M %p', '2026-11-21T04:51:00Z', undefined],
    ['2026-11-20 23:51:33.540902', '%F %T.%f', '2026-11-21T04:51:33.540Z', undefined],
    ['20 Nov 2026 23:51:33 +0100', '%d %b %Y %H:%M:%S %z', '2026-11-20T22:51:33Z', undefined],
    // Webhooks and single endpoints write ISO 8601 whatever the format is.
    ['2026-11-21T04:51:33.540Z', '%m-%d-%Y %H:%M:%S', '2026-11-21T04:51:33.540Z', undefined],
    ['2026-11-20 23:51:33', '', '2026-11-21T04:51:33Z', undefined],
    // Exists twice: an end is not before its start.
    ['11-01-2026 01:15:00', '%m-%d-%Y %H:%M:%S', '2026-11-01T06:15:00Z', '11-01-2026 01:30:00'],
  ])('time %s by %s', async (text, datetimeFormat, instant, start) => {
    const found = await eventOf(
      start === undefined ? { start: text } : { start, end: text },
      datetimeFormat === '' ? {} : { datetimeFormat },
    );
    const time = start === undefined ? found?.start : found?.end;
    expect(time).toMatchObject({ epochMs: Date.parse(instant), text });
  });

  test.each<[string, string | undefined]>([
    ['11-20-2026 23:51:33', undefined],
    ['20-11-2026 23:51:33', '%m-%d-%Y %H:%M:%S'],
    ['2026-11-20 23:51:33', '%m-%d-%Y %H:%M:%S'],
    ['11-20-2026 23:51:33 ', '%m-%d-%Y %H:%M:%S'],
    ['2026-13-20T23:51:33Z', undefined],
    ['1795237005', undefined],
  ])('time %j by %s is refused with row and key', async (start, datetimeFormat) => {
    const options = datetimeFormat === undefined ? {} : { datetimeFormat };
    const error = await errorOf(eventOf({ start }, options));
    expect(error.code).toBe('SOURCE_ANSWER_INVALID');
    expect(error.details).toMatchObject({ kind: 'usage event', rowId: 1, key: 'start' });
  });

  test.each<[object, string]>([
    [{ tool: null }, 'tool'],
    [{ tool: { name: 'Titan' } }, 'tool'],
    [{ user: '2' }, 'user'],
    [{ end: undefined }, 'end'],
    [{ operator: 1e300 }, 'operator'],
    [{ remote_work: 'yes' }, 'remote_work'],
  ])('%j is refused with row and key', async (changes, key) => {
    const error = await errorOf(eventOf(changes));
    expect(error).toMatchObject({ code: 'SOURCE_ANSWER_INVALID', details: { rowId: 1, key } });
  });

  test('one row that cannot be read need not cost the others', async () => {
    const server = await scripted((_, response) =>
      json(response, [
        { ...ROW, user: null },
        { ...ROW, id: 2 },
      ]),
    );
    const client = clientOf(server.baseUrl, TOKEN);
    const errors: AppError[] = [];
    const onInvalidRow = (error: AppError) => void errors.push(error);
    expect(await idsOf(client.usageEvents({}, { onInvalidRow }))).toStrictEqual([2]);
    expect(errors.map(({ details }) => details['rowId'])).toStrictEqual([1]);
    expect((await errorOf(all(client.usageEvents({})))).code).toBe('SOURCE_ANSWER_INVALID');
  });

  test('a site with its own format: local times near a change of the clocks are not lost to the filter', async () => {
    const found = await lab(
      { dateTimeFormat: '%m-%d-%Y %H:%M:%S' },
      { datetimeFormat: '%m-%d-%Y %H:%M:%S' },
    );
    const times = { start: '2026-11-01T06:30:00.700Z', end: '2026-11-01T07:30:00Z' };
    const { id } = found.nemo.backdate({
      ...times,
      tool: found.tool,
      user: found.user,
      project: found.project,
    });
    const startFromMs = Date.parse('2026-11-01T06:30:00.500Z');
    const [event] = await all(found.client.usageEvents({ startFromMs }));
    expect(event).toMatchObject({ id, end: { epochMs: Date.parse('2026-11-01T07:30:00Z') } });
    expect(event?.start.warning).toMatch(/exists twice/);
  });
});

test.each<[string, Partial<NemoClientOptions>]>([
  ['a directive that is not known', { datetimeFormat: '%Y-%m-%d %H:%M:%Q' }],
  ['hours to twelve without am or pm', { datetimeFormat: '%Y-%m-%d %I:%M' }],
  ['no year', { datetimeFormat: '%m-%d %H:%M' }],
  ['a date alone', { datetimeFormat: '%Y-%m-%d' }],
  ['a percent sign at its end', { datetimeFormat: '%Y-%m-%d %H:%M%' }],
  ['a quote', { datetimeFormat: "%Y-%m-%d''%H:%M" }],
  ['a zone that is none', { timezone: 'Mars/Olympus' }],
  ['no /api/', { baseUrl: 'https://nemo.example.org/' }],
  ['a password', { baseUrl: `https://a:${TOKEN}@nemo.example.org/api/` }],
  ['a query', { baseUrl: 'https://nemo.example.org/api/?x=1' }],
  ['another protocol', { baseUrl: 'ftp://nemo.example.org/api/' }],
  ['a token with a line break', { token: `${TOKEN}\n` }],
  ['an empty token', { token: '' }],
  ['a page size of 0', { pageSize: 0 }],
])('settings with %s are refused', (_, options) => {
  let thrown: unknown;
  try {
    clientOf('https://nemo.example.org/api/', TOKEN, options);
  } catch (error) {
    thrown = error;
  }
  expect(isAppError(thrown) && thrown.code).toBe('CONFIG_INVALID');
  expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain(TOKEN);
});
