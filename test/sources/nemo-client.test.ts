import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import type { NemoClient } from '../../src/sources/nemo/nemo-client.js';
import { isValidReservation } from '../../src/sources/nemo/nemo-rows.js';
import type { FakeNemoOptions } from '../support/fake-nemo/start-fake-nemo.js';
import { ALL_PERMISSIONS } from '../support/fake-nemo/tokens.js';
import {
  addDays,
  all,
  clientOf,
  errorOf,
  idsOf,
  json,
  lab,
  ROW,
  scripted,
  TOKEN,
  type LogLine,
} from './nemo-lab.js';

const SHAPES: [string, FakeNemoOptions][] = [
  ['with the pagination of NEMO', {}],
  ['with the plain pagination of DRF', { paging: 'plain', pageSize: 4 }],
  ['without pagination', { paging: 'none' }],
  ['of version 4.x', { version: '4.x' }],
  ['of version 4.x that always paginates', { version: '4.x', paging: 'plain', pageSize: 4 }],
  ['behind a proxy that gets next wrong', { publicOrigin: 'http://wrong.invalid' }],
];

describe('usageEvents', () => {
  test.each(SHAPES)('all rows, each once, from a NEMO %s', async (_, options) => {
    const found = await lab(options, { pageSize: 3 });
    const ids = addDays(found, 10);
    expect(await idsOf(found.client.usageEvents({}))).toStrictEqual(ids);
    const hosts = new Set(found.nemo.requests.map(({ authorization }) => authorization));
    expect([...hosts]).toStrictEqual([`Token ${found.nemo.token}`]);
  });

  test('ranges, the open set, and ids', async () => {
    const found = await lab({}, { pageSize: 2 });
    const { nemo, client, tool, user, project } = found;
    const ids = addDays(found, 5);
    const open = nemo.enable(tool, user, user, project).id;
    const day = (number: number) => Date.parse(`2026-01-0${number}T10:00:00Z`);
    const read = (filter: Parameters<NemoClient['usageEvents']>[0]) =>
      idsOf(client.usageEvents(filter));
    expect(await read({ isOpen: true })).toStrictEqual([open]);
    expect(await read({ isOpen: false })).toStrictEqual(ids);
    expect(await read({ startFromMs: day(2), startBeforeMs: day(4) })).toStrictEqual(
      ids.slice(1, 3),
    );
    expect(await read({ endFromMs: day(4) })).toStrictEqual(ids.slice(3));
    expect(await read({ endBeforeMs: day(2) })).toStrictEqual(ids.slice(0, 1));
    expect(await read({ ids: [ids[2] ?? 0, 999, open], isOpen: true })).toStrictEqual([open]);
    const queries = nemo.requests.map(({ path }) => path).join('\n');
    expect(queries).toContain('start__gte=2026-01-02T10%3A00%3A00.000Z');
    expect(queries).toContain('end__isnull=true');
    expect(queries).not.toContain('+');
  });

  test('no id is asked for as no id, not as all', async () => {
    const found = await lab();
    addDays(found, 3);
    expect(await idsOf(found.client.usageEvents({ ids: [] }))).toStrictEqual([]);
    expect(await idsOf(found.client.usageEvents({ toolIds: [] }))).toStrictEqual([]);
    expect(found.nemo.requests).toStrictEqual([]);
  });

  test('250 ids are asked for in three requests', async () => {
    const found = await lab();
    const ids = addDays(found, 5);
    const asked = [...ids, ...ids, ...Array.from({ length: 245 }, (_, index) => 1000 + index)];
    expect(await idsOf(found.client.usageEvents({ ids: asked }))).toStrictEqual(ids);
    const lists = found.nemo.requests.map(
      ({ path }) => new URL(path, 'http://x').searchParams.get('id__in')?.split(',').length,
    );
    expect(lists).toStrictEqual([100, 100, 50]);
  });

  test('events of child tools are events of the tool', async () => {
    const found = await lab();
    const child = found.nemo.addTool({ name: 'Titan, STEM', parent_tool: found.tool }).id;
    const other = found.nemo.addTool({ name: 'SEM' }).id;
    const ids = [...addDays(found, 2), ...addDays(found, 2, child)];
    addDays(found, 2, other);
    expect(await idsOf(found.client.usageEvents({ toolIds: [found.tool] }))).toStrictEqual(ids);
  });

  test('a deleted tool costs the events of the others nothing', async () => {
    const found = await lab({}, { pageSize: 2 });
    const gone = found.nemo.addTool({ name: 'SEM' }).id;
    const third = found.nemo.addTool({ name: 'FIB' }).id;
    const ids = [...addDays(found, 3), ...addDays(found, 3, third)];
    await found.client.tools();
    found.nemo.deleteTool(gone);
    const unknown: number[] = [];
    const toolIds = [found.tool, gone, third];
    const onUnknownTool = (id: number) => void unknown.push(id);
    expect(await idsOf(found.client.usageEvents({ toolIds }, { onUnknownTool }))).toStrictEqual(
      ids,
    );
    expect(unknown).toStrictEqual([gone]);
  });

  test('rows that come between two pages come once; rows that slip when others go are not lost', async () => {
    const found = await lab({}, { pageSize: 4 });
    const ids = addDays(found, 12);
    let pages = 0;
    found.nemo.beforeAnswer(() => {
      pages += 1;
      if (pages === 2) found.nemo.enable(found.tool, found.user, found.user, found.project);
      if (pages === 3) for (const id of ids.slice(-3)) found.nemo.delete(id);
    });
    const read = await idsOf(found.client.usageEvents({}));
    expect(new Set(read).size).toBe(read.length);
    expect(read).toStrictEqual(expect.arrayContaining(ids.slice(0, -3)));
  });

  test('a page that is gone ends the list', async () => {
    const found = await lab({}, { pageSize: 5 });
    const ids = addDays(found, 10);
    let pages = 0;
    found.nemo.beforeAnswer(() => {
      pages += 1;
      if (pages === 2) for (const id of ids.slice(0, 5)) found.nemo.delete(id);
    });
    expect(await idsOf(found.client.usageEvents({}))).toStrictEqual(ids.slice(5));
  });

  test('a row out of the filter shows that NEMO ignored it, and is left out', async () => {
    const server = await scripted((_, response) =>
      json(response, [ROW, { ...ROW, id: 2, tool: 9 }]),
    );
    const lines: LogLine[] = [];
    const client = clientOf(server.baseUrl, TOKEN, {}, lines);
    expect(await idsOf(client.usageEvents({ ids: [2] }))).toStrictEqual([2]);
    expect(await idsOf(client.usageEvents({ isOpen: false }))).toStrictEqual([]);
    expect(
      await idsOf(client.usageEvents({ startFromMs: Date.parse('2027-01-01') })),
    ).toStrictEqual([]);
    expect(lines.map(({ message }) => message)).toContain(
      'NEMO ignored a filter; its rows were left out here',
    );
  });

  test.each<[string, (page: number) => unknown]>([
    [
      'the same page again and again',
      () => ({ count: 9, next: '/api/usage_events/?page=2', results: [ROW] }),
    ],
    [
      'ever new pages with the same row',
      (page) => ({ count: 9, next: `/?page=${page + 1}`, results: [ROW] }),
    ],
    [
      'ever new empty pages',
      (page) => ({ count: 9, next: `/?page=${page + 1}`, results: page === 1 ? [ROW] : [] }),
    ],
  ])('%s: cut', async (_, pageOf) => {
    let page = 0;
    const server = await scripted((__, response) => json(response, pageOf((page += 1))));
    expect(await idsOf(clientOf(server.baseUrl, TOKEN).usageEvents({}))).toStrictEqual([1]);
    expect(server.requests.length).toBeLessThan(6);
  });

  test('next is followed at our own address, with its query', async () => {
    const other = await scripted((_, response) => json(response, []));
    const server = await scripted(({ url }, response) =>
      url?.includes('page=2') === true
        ? json(response, { next: null, results: [{ ...ROW, id: 2 }] })
        : json(response, { next: `${other.baseUrl}x/?page=2&note=a%2Bb`, results: [ROW] }),
    );
    expect(await idsOf(clientOf(server.baseUrl, TOKEN).usageEvents({}))).toStrictEqual([1, 2]);
    expect(other.requests).toStrictEqual([]);
    expect(server.requests[1]?.url).toBe('/api/usage_events/?page=2&note=a%2Bb');
  });
});

describe('single rows and look-ups', () => {
  test('null only where NEMO itself says that there is none', async () => {
    const { nemo, client, tool, user, project } = await lab();
    const { id } = nemo.enable(tool, user, user, project);
    expect(await client.usageEvent(id)).toMatchObject({ id, end: null });
    expect(await client.usageEvent(999)).toBeNull();
    const proxy = await scripted((_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' });
      response.end('<html>Not Found</html>');
    });
    const error = await errorOf(clientOf(proxy.baseUrl, TOKEN).usageEvent(1));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', details: { status: 404 } });
    expect(error.remedy).toContain('ALLOW_CONDITIONAL_URLS');
    const wrong = await scripted((_, response) => json(response, { ...ROW, id: 2 }));
    expect((await errorOf(clientOf(wrong.baseUrl, TOKEN).usageEvent(1))).code).toBe(
      'SOURCE_ANSWER_INVALID',
    );
  });

  test('a public instance has no /api/', async () => {
    const { client } = await lab({ hasApi: false });
    const error = await errorOf(all(client.usageEvents({})));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', details: { status: 404 } });
  });

  test('users, projects, accounts and tools are remembered for their time, or read anew', async () => {
    let nowMs = 0;
    const clock = { now: () => DateTime.fromMillis(nowMs, { zone: 'utc' }) as DateTime<true> };
    const { nemo, client, user, project } = await lab({}, { clock, cacheLifetimeMs: 1000 });
    const account = nemo.state.projects.get(project).account;
    const names = async (refresh = false) => [
      (await client.user(user, { refresh }))?.username,
      (await client.project(project, { refresh }))?.accountId,
      (await client.account(account, { refresh }))?.name,
      (await client.tools({ refresh }))[0]?.name,
    ];
    expect(await names()).toStrictEqual(['pierre', account, 'MSED', 'FEI Titan TEM']);
    nemo.changeUserRow(user, { username: 'conseil' });
    expect((await names())[0]).toBe('pierre');
    expect(nemo.requests).toHaveLength(4);
    expect((await names(true))[0]).toBe('conseil');
    nemo.changeUserRow(user, { username: 'ned' });
    nowMs = 1001;
    expect((await names())[0]).toBe('ned');
    expect(await client.user(999)).toBeNull();
  });

  test('reservations that overlap, also cancelled and replaced ones', async () => {
    const { nemo, client, tool, user, project } = await lab();
    const add = (start: string, end: string) =>
      nemo.addReservation({ tool, user, project, start, end }).id;
    const before = add('2026-11-20T08:00:00Z', '2026-11-20T09:00:00Z');
    const during = add('2026-11-20T09:30:00Z', '2026-11-20T12:00:00Z');
    const moved = nemo.moveReservation(during, {
      start: '2026-11-20T09:30:00Z',
      end: '2026-11-20T11:00:00Z',
    }).id;
    const after = add('2026-11-20T13:00:00Z', '2026-11-20T14:00:00Z');
    const found = await client.reservations(
      tool,
      Date.parse('2026-11-20T10:00:00Z'),
      Date.parse('2026-11-20T12:30:00Z'),
    );
    expect(found.map(({ id }) => id).sort((a, b) => a - b)).toStrictEqual([during, moved]);
    expect(found.filter(isValidReservation).map(({ id }) => id)).toStrictEqual([moved]);
    expect(found.find(({ id }) => id === during)?.descendantId).toBe(moved);
    expect(await client.reservations(999, 0, 1)).toStrictEqual([]);
    expect([before, after]).toHaveLength(2);
  });

  test('adjustment requests that were applied; null where the token may not read them', async () => {
    const { nemo, client, tool, user, project } = await lab();
    const times = { start: '2026-11-20T10:00:00Z', end: '2026-11-20T11:00:00Z' };
    const { id } = nemo.backdate({ tool, user, project, ...times });
    nemo.adjust(id, { end: '2026-11-20T12:00:00Z' });
    nemo.requestAdjustment(id, { end: '2026-11-20T13:00:00Z' });
    const nowMs = Date.parse('2026-11-21T04:00:00Z');
    expect(await client.adjustmentRequests(nowMs - 1000)).toMatchObject([
      { itemId: id, applied: true, isUsageEvent: true },
    ]);
    expect(await client.adjustmentRequests(nowMs + 1000)).toStrictEqual([]);
    const without = (missing: string) => ALL_PERMISSIONS.filter((name) => name !== missing);
    const clientWithout = (missing: string) =>
      clientOf(nemo.baseUrl, nemo.tokens.add(without(missing)));
    expect(await clientWithout('view_adjustmentrequest').adjustmentRequests(0)).toBeNull();
    expect(await clientWithout('view_contenttype').adjustmentRequests(0)).toMatchObject([
      { itemId: id, isUsageEvent: null },
    ]);
  });

  test('the version, and how far the clock is ahead', async () => {
    const server = await scripted((_, response) => {
      const date = new Date(Date.now() + 3_600_000).toUTCString();
      response.setHeader('date', date);
      json(response, { nemo_version: '8.0.2', nemo_plugins: ['nemo-billing'] });
    });
    const client = clientOf(server.baseUrl, TOKEN);
    expect(client.serverClockOffset).toBeNull();
    expect(await client.metadata()).toStrictEqual({ version: '8.0.2', plugins: ['nemo-billing'] });
    const offset = client.serverClockOffset;
    expect(Math.abs((offset?.offsetMs ?? 0) - 3_600_000)).toBeLessThanOrEqual(
      (offset?.uncertaintyMs ?? 0) + 1,
    );
    const { client: real } = await lab();
    expect((await real.metadata())?.version).toBe('8.0.2');
  });
});
