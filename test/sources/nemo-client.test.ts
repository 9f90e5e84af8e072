import { describe, expect, test } from '@jest/globals';
import type { NemoClient } from '../../src/sources/nemo/nemo-client.js';
import type { FakeNemoOptions } from '../support/fake-nemo/start-fake-nemo.js';
import {
  addDays,
  clientOf,
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

  test.each<[string, number, (page: number) => unknown]>([
    [
      'the same page again and again',
      2,
      () => ({ count: 9, next: '/api/usage_events/?page=2', results: [ROW] }),
    ],
    [
      'ever new pages with the same row',
      4,
      (page) => ({ count: 9, next: `/?page=${page + 1}`, results: [ROW] }),
    ],
    [
      'ever new empty pages',
      4,
      (page) => ({ count: 9, next: `/?page=${page + 1}`, results: page === 1 ? [ROW] : [] }),
    ],
  ])('%s: cut after %i', async (_, requests, pageOf) => {
    let page = 0;
    const server = await scripted((__, response) => json(response, pageOf((page += 1))));
    expect(await idsOf(clientOf(server.baseUrl, TOKEN).usageEvents({}))).toStrictEqual([1]);
    expect(server.requests).toHaveLength(requests);
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
