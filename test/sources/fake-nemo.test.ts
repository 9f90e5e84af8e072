import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ask, atSecond, startNautilus, type Told } from '../support/fake-nemo/nautilus.js';
import type { FakeNemo, FakeNemoOptions } from '../support/fake-nemo/start-fake-nemo.js';

let nemo: FakeNemo;

/** Four events: 1 and 2 ended, 3 ends in the future, 4 is open; they start a second apart. */
async function start(options: FakeNemoOptions = {}): Promise<void> {
  nemo = await startNautilus({ now: atSecond('10'), ...options });
  nemo.enable(1, 2, 2, 1);
  nemo.advance(1000);
  nemo.disable(1, { note: 'Well done' });
  nemo.enable(2, 2, 3, 2, { remote: true });
  nemo.advance(1000);
  nemo.disable(2);
  nemo.enable(1, 3, 3, 1, { training: true });
  nemo.disable(1, { downtimeMinutes: 30 });
  nemo.advance(1000);
  nemo.enable(2, 2, 2, 1);
}

function idsIn({ text }: Told): unknown {
  const body: unknown = JSON.parse(text);
  const rows: unknown =
    typeof body === 'object' && body !== null && 'results' in body ? body.results : body;
  if (!Array.isArray(rows)) return body;
  return rows.map((row: unknown) => (row instanceof Object && 'id' in row ? row.id : null));
}

beforeEach(() => start());
afterEach(() => nemo.close());

const INVALID = 'Select a valid choice. That choice is not one of the available choices.';
const ALL = [4, 3, 2, 1];

describe('filters (1.6)', () => {
  test.each([
    ['unknown parameters are ignored', 'remote_work=true&ordering=id&id__gt=3&tool__nam=x', ALL],
    ['has_ended and run_data are no filters', 'has_ended=0&run_data=x&staff_charge=1', ALL],
    ['an empty id__in returns everything', 'id__in=', ALL],
    ['ids may be unknown', 'id__in=1,999,4', [4, 1]],
    ['an unknown id finds nothing', 'id=999', []],
    ['isnull=1 is ignored', 'end__isnull=1', ALL],
    ['isnull=TRUE is ignored', 'end__isnull=TRUE', ALL],
    ['isnull=true', 'end__isnull=true', [4]],
    ['isnull=True', 'end__isnull=True', [4]],
    ['isnull=False', 'end__isnull=False', [3, 2, 1]],
    ['flags take words only', 'training=1', ALL],
    ['flags', 'training=true', [3]],
    ['end__lte leaves open events out', 'end__lte=2027-01-01T00:00:00Z', [3, 2, 1]],
    ['end__gte finds ends in the future', 'end__gte=2026-11-21T05:00:00Z', [3]],
    ['Z', 'start__gte=2026-11-21T04:51:12Z', [4, 3]],
    ['an offset', 'start__gte=2026-11-20T23:51:12-05:00', [4, 3]],
    ['an escaped plus', 'start__gte=2026-11-21T04:51:12%2B00:00', [4, 3]],
    ['naive values are of the server', 'start__gte=2026-11-20T23:51:12', [4, 3]],
    ['naive values are not of UTC', 'start__gte=2026-11-21T04:51:12', []],
    ['plain dates', 'start__gte=2026-11-20', ALL],
    ['dates of the United States', 'start__lt=11/21/2026', ALL],
    ['parts of a time are of the server', 'start__hour=23&start__minute=51', ALL],
    ['tools by either name', 'tool_id=2', [4, 2]],
    ['tools by a list', 'tool__in=1,2&user=3', [3]],
    ['notes', 'note__icontains=WELL', [1]],
    ['of two values the last counts', 'id=1&id=2', [2]],
  ])('%s', async (_, query, ids) => {
    expect(idsIn(await ask(nemo, `usage_events/?${query}`))).toEqual(ids);
  });

  test.each([
    ['tool_id=777', { tool_id: [INVALID] }],
    ['tool_id__in=1,777', { tool_id__in: [INVALID] }],
    ['start__gte=2026-11-20T23:51:33+00:00', { start__gte: ['Enter a valid date/time.'] }],
    ['start__gte=1795236693', { start__gte: ['Enter a valid date/time.'] }],
    ['id=x&user=x', { id: ['Enter a number.'], user: [INVALID] }],
  ])('%s is refused as a whole', async (query, body) => {
    const told = await ask(nemo, `usage_events/?${query}`);
    expect([told.status, JSON.parse(told.text)]).toEqual([400, body]);
  });

  test('a deleted tool takes its events along and makes the query that names it invalid', async () => {
    nemo.deleteTool(1);
    expect((await ask(nemo, 'usage_events/?tool_id__in=1,2')).status).toBe(400);
    expect(idsIn(await ask(nemo, 'usage_events/'))).toEqual([4, 2]);
    nemo.deleteUser(3);
    expect(idsIn(await ask(nemo, 'usage_events/'))).toEqual([4]);
  });

  test.each([
    ['users/?username__iexact=PIERRE', [2]],
    ['users/?username__in=pierre,ned', [2, 3]],
    ['tools/?id__in=2,9', [2]],
    ['content_types/?app_label=NEMO&model=usageevent', [38]],
  ])('%s', async (path, ids) => {
    expect(idsIn(await ask(nemo, path))).toEqual(ids);
  });
});

describe('pages (1.7)', () => {
  test.each([
    ['no page_size: the whole list', '', {}, ALL],
    ['page alone is ignored', '?page=2', {}, ALL],
    ['a page', '?page_size=3', {}, [4, 3, 2]],
    ['the last page', '?page_size=3&page=last', {}, [1]],
    ['page_size=0 is the default', '?page_size=0', { pageSize: 2 }, [4, 3]],
    ['no number is the default', '?page_size=x', { pageSize: 2 }, [4, 3]],
    ['no maximum', '?page_size=100000', {}, ALL],
    ['plain class: its own size', '?page_size=4', { paging: 'plain', pageSize: 2 }, [4, 3]],
    ['no class: a list', '?page_size=2', { paging: 'none' }, ALL],
    [
      '4.x, plain class: always pages',
      '',
      { version: '4.x', paging: 'plain', pageSize: 2 },
      [4, 3],
    ],
    ['4.x: a list', '?page_size=2', { version: '4.x' }, ALL],
  ] satisfies [string, string, FakeNemoOptions, number[]][])(
    '%s',
    async (_, query, options: FakeNemoOptions, ids) => {
      await nemo.close();
      await start(options);
      expect(idsIn(await ask(nemo, `usage_events/${query}`))).toEqual(ids);
    },
  );

  test('the envelope links with the public host, which may be wrong', async () => {
    await nemo.close();
    await start({ publicOrigin: 'http://inside:8000' });
    const told = await ask(nemo, 'usage_events/?page_size=1&page=2&tool_id__in=1,2&fields=id');
    const link = 'http://inside:8000/api/usage_events/?fields=id';
    expect(told.text).toBe(
      `{"count":4,"next":"${link}&page=3&page_size=1&tool_id__in=1%2C2","previous":"${link}&page_size=1&tool_id__in=1%2C2","results":[{"id":3}]}`,
    );
  });

  test.each(['3', '0', 'x'])('page %s is no page', async (page) => {
    const told = await ask(nemo, `usage_events/?page_size=2&page=${page}`);
    expect([told.status, told.text]).toEqual([404, '{"detail":"Invalid page."}']);
  });

  test('rows made between two pages shift them', async () => {
    const first = await ask(nemo, 'usage_events/?page_size=2');
    nemo.beforeAnswer(() => {
      nemo.beforeAnswer(null);
      nemo.backdate({ tool: 1, user: 2, project: 1, start: nemo.now(), end: nemo.now() });
    });
    const second = await ask(nemo, 'usage_events/?page_size=2&page=2');
    expect([idsIn(first), idsIn(second)]).toEqual([
      [4, 3],
      [3, 2],
    ]);
  });

  test('nothing breaks the tie of one start', async () => {
    const start = '2026-01-01T00:00:00Z';
    for (const tool of [1, 2]) nemo.backdate({ tool, user: 2, project: 1, start, end: start });
    const query = 'usage_events/?start__lte=2026-01-01T00:00:00Z';
    const answers = [idsIn(await ask(nemo, query)), idsIn(await ask(nemo, query))];
    expect(answers).toEqual(expect.arrayContaining([[5, 6]]));
    expect(answers).toEqual(expect.arrayContaining([[6, 5]]));
  });
});

describe('times (1.8)', () => {
  const instant = '2026-11-20T23:51:33.391881-05:00';
  test.each([
    [{ timeZone: 'UTC' }, instant, '2026-11-21T04:51:33.391881Z'],
    [{ timeZone: 'Europe/Berlin' }, instant, '2026-11-21T05:51:33.391881+01:00'],
    [{ dateTimeFormat: '%m-%d-%Y %H:%M:%S' }, instant, '11-20-2026 23:51:33'],
    [{}, '2026-11-20T23:51:33-05:00', '2026-11-20T23:51:33-05:00'],
    [{ dateTimeFormat: '%m-%d-%Y %H:%M:%S' }, '2025-11-02T06:15:00Z', '11-02-2025 01:15:00'],
  ])('%j writes %s as %s', async (options, start, expected) => {
    await nemo.close();
    nemo = await startNautilus(options);
    nemo.backdate({ tool: 1, user: 2, project: 1, start, end: null });
    const told = await ask(nemo, 'usage_events/1/?fields=start');
    expect(told.text).toBe(`{"start":"${expected}"}`);
  });

  test('the zone may change from answer to answer', async () => {
    nemo.setTimeZone('Asia/Kolkata');
    const told = await ask(nemo, 'usage_events/1/?fields=start');
    expect(told.text).toBe('{"start":"2026-11-21T10:21:10+05:30"}');
  });
});

test('version 4.x has fewer fields, fewer filters and nothing to write', async () => {
  await nemo.close();
  await start({ version: '4.x' });
  const told = await ask(nemo, 'usage_events/?end__isnull=true&training=true&note=x');
  expect(told.text).toBe(
    '[{"id":4,"start":"2026-11-20T23:51:13-05:00","end":null,"validated":false,"run_data":null,"user":2,"operator":2,"project":1,"tool":2}]',
  );
  expect((await ask(nemo, 'usage_events/4/', { method: 'DELETE' })).status).toBe(405);
  expect((await ask(nemo, 'adjustment_requests/')).status).toBe(404);
  expect((await ask(nemo, 'tool_status/')).status).toBe(404);
});
