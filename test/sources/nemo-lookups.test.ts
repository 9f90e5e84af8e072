import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { isValidReservation } from '../../src/sources/nemo/nemo-rows.js';
import { ALL_PERMISSIONS } from '../support/fake-nemo/tokens.js';
import { clientOf, errorOf, json, lab, ROW, scripted, TOKEN, all } from './nemo-lab.js';

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

  test('what a NEMO that ignores filters has beside is left out', async () => {
    const reservation = { ...ROW, end: ROW.start, creator: 2, cancelled: false, missed: false };
    const reservations = [
      { ...reservation, shortened: false },
      { ...reservation, id: 2, tool: 9, shortened: false },
      { ...reservation, id: 3, start: '2027-01-01T00:00:00Z', shortened: false },
    ];
    const request = { last_updated: ROW.start, item_id: 5, item_type: 38, applied: true };
    const requests = [
      { ...request, id: 1 },
      { ...request, id: 2, applied: false },
      { ...request, id: 3, item_type: 39 },
    ];
    const types = [
      { id: 38, app_label: 'NEMO', model: 'usageevent' },
      { id: 39, app_label: 'NEMO', model: 'reservation' },
    ];
    const server = await scripted(({ url }, response) => {
      const endpoint = url?.split('/')[2];
      const rows = endpoint === 'reservations' ? reservations : requests;
      json(response, endpoint === 'content_types' ? types : rows);
    });
    const client = clientOf(server.baseUrl, TOKEN);
    const nowMs = Date.parse(ROW.start);
    const found = await client.reservations(1, nowMs - 1000, nowMs + 1000);
    expect(found.map(({ id }) => id)).toStrictEqual([1]);
    const adjustments = await client.adjustmentRequests(nowMs - 1000);
    expect(adjustments?.map(({ id }) => id)).toStrictEqual([1]);
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
