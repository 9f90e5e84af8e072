import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import type { CheckResult } from '../../src/cli/doctor/check-result.js';
import { checkListening, checkProgress } from '../../src/cli/doctor/check-sources.js';
import { checkTools } from '../../src/cli/doctor/check-tools.js';
import { lookAtNemo } from '../../src/cli/doctor/look-at-nemo.js';
import { whyNotReached } from '../../src/cli/doctor/reach-remedy.js';
import { configSchema, type Config } from '../../src/config/schema.js';
import type { NemoSourceSettings } from '../../src/config/sources-schema.js';
import { setTool } from '../../src/db/instrument-store.js';
import { query } from '../../src/db/query.js';
import { AppError } from '../../src/errors.js';
import { createLog } from '../../src/log.js';
import { json, lab, scripted } from '../sources/nemo-lab.js';
import { describeDatabases } from '../support/databases.js';
import type { FakeNemoOptions } from '../support/fake-nemo/start-fake-nemo.js';
import { ALL_PERMISSIONS } from '../support/fake-nemo/tokens.js';
import { addInstrument, logSession } from '../support/session-rows.js';

const NOW = '2026-11-21T04:00:00.000Z';
const clock = { now: () => DateTime.fromISO(NOW, { zone: 'utc' }) as DateTime<true> };
const realClock = { now: () => DateTime.utc() };
const CONSENT = { data_consent: { type: 'radio', name: 'data_consent', user_input: 'Agree' } };

function configOf(values: Readonly<Record<string, unknown>>): Config {
  return configSchema.parse(values);
}

function nemoSource(values: Readonly<Record<string, unknown>>): NemoSourceSettings {
  const source = { name: 'nemo', kind: 'nemo', consent: 'required', token: 'x', ...values };
  const [parsed] = configOf({ sources: [source] }).sources;
  if (parsed?.kind !== 'nemo') throw new Error('It is no NEMO.');
  return parsed;
}

async function look(values: Readonly<Record<string, unknown>>, at = clock) {
  const stream = new PassThrough().resume();
  const log = createLog({ level: 'error', format: 'json', file: null }, { stream });
  try {
    return await lookAtNemo(nemoSource(values), { log, clock: at });
  } finally {
    await log.close();
  }
}

function linesOf(results: readonly CheckResult[], check: string): CheckResult[] {
  return results.filter((result) => result.check === check);
}

async function all(results: AsyncIterable<CheckResult>): Promise<CheckResult[]> {
  const found: CheckResult[] = [];
  for await (const result of results) found.push(result);
  return found;
}

/** A facility with an hour of use, before which consent was asked for. */
async function facility(options: FakeNemoOptions = {}, preRunData: object = CONSENT) {
  const made = await lab(options);
  const { nemo, tool, user, project } = made;
  nemo.backdate({
    ...{ tool, user, project, start: '2026-11-20T10:00:00Z', end: '2026-11-20T11:00:00Z' },
    pre_run_data: JSON.stringify(preRunData),
  });
  return made;
}

describe('doctor on a NEMO', () => {
  test('that is well says so, a line each', async () => {
    const { nemo } = await facility();
    const { results, tools } = await look({ url: nemo.baseUrl, token: nemo.token }, realClock);
    expect(results.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(results.map(({ check }) => check)).toEqual([
      ...['source nemo', 'version nemo', 'rights nemo', 'times nemo', 'consent nemo', 'clock nemo'],
    ]);
    expect(tools).toHaveLength(1);
  });

  test('names each permission that lacks, and does not show the token', async () => {
    const { nemo } = await facility();
    const lacking = ['view_user', 'view_reservation', 'view_contenttype'];
    const token = nemo.tokens.add(ALL_PERMISSIONS.filter((one) => !lacking.includes(one)));
    const { results } = await look({ url: nemo.baseUrl, token }, realClock);
    expect(linesOf(results, 'rights nemo')).toMatchObject([
      { state: 'fail', remedy: expect.stringContaining('NEMO.view_user') },
      { state: 'fail', remedy: expect.stringContaining('NEMO.view_reservation') },
      { state: 'warn', remedy: expect.stringContaining('contenttypes.view_contenttype') },
    ]);
    expect(JSON.stringify(results)).not.toContain(token);
    expect(linesOf(results, 'consent nemo')).toMatchObject([{ state: 'ok' }]);
    const required = await look({ url: nemo.baseUrl, token, reservation: 'required' }, realClock);
    expect(linesOf(required.results, 'rights nemo').map(({ state }) => state)).toEqual([
      ...['fail', 'fail', 'warn'],
    ]);
  });

  test('that is old says what lacks', async () => {
    const { nemo } = await facility({ version: '4.x' });
    const { results } = await look({ url: nemo.baseUrl, token: nemo.token }, realClock);
    expect(linesOf(results, 'version nemo')).toMatchObject([
      { state: 'warn', message: 'NEMO 4.4.0 has no adjustment requests (6.0.0 and later have)' },
    ]);
    expect(linesOf(results, 'rights nemo')).toMatchObject([{ state: 'ok' }]);
  });

  test('that never asks for consent warns that every session would be NO_CONSENT', async () => {
    const { nemo } = await facility({}, { other: { user_input: 'Agree' } });
    const access = { url: nemo.baseUrl, token: nemo.token };
    const { results } = await look(access, realClock);
    expect(linesOf(results, 'consent nemo')).toMatchObject([
      { state: 'warn', message: expect.stringContaining('NO_CONSENT') },
    ]);
    for (const other of [{ questions: { consent: 'other' } }, { consent: 'opt-out' }]) {
      const { results: right } = await look({ ...access, ...other }, realClock);
      expect(linesOf(right, 'consent nemo')).toMatchObject([{ state: 'ok' }]);
    }
  });

  test('whose times cannot be read, or lack their zone, fails with the setting to change', async () => {
    const { nemo } = await facility({ dateTimeFormat: '%m-%d-%Y %H:%M:%S' });
    const access = { url: nemo.baseUrl, token: nemo.token };
    const wrong = await look(access, realClock);
    expect(linesOf(wrong.results, 'times nemo')).toMatchObject([
      { state: 'fail', remedy: expect.any(String) },
    ]);
    const right = await look(
      { ...access, timezone: 'America/New_York', datetime_format: '%m-%d-%Y %H:%M:%S' },
      realClock,
    );
    expect(linesOf(right.results, 'times nemo')).toMatchObject([
      { state: 'ok', message: expect.stringContaining('2026-11-20T10:00:00.000Z') },
    ]);
    const zoneless = await facility({ dateTimeFormat: '%Y-%m-%dT%H:%M:%S' });
    const { results } = await look(
      { url: zoneless.nemo.baseUrl, token: zoneless.nemo.token },
      realClock,
    );
    expect(linesOf(results, 'times nemo')).toMatchObject([
      { state: 'fail', remedy: expect.stringContaining('Set timezone') },
    ]);
  });

  test.each([
    [0, 'ok'],
    [20_000, 'warn'],
    [-90_000, 'fail'],
  ])('whose clock is %d ms ahead: %s', async (aheadMs, state) => {
    const { baseUrl } = await scripted((request, response) => {
      const date = new Date(DateTime.fromISO(NOW).toMillis() + aheadMs).toUTCString();
      response.setHeader('date', date);
      json(response, request.url?.includes('metadata') === true ? { nemo_version: '8.0.2' } : []);
    });
    const { results } = await look({ url: baseUrl });
    expect(linesOf(results, 'clock nemo')).toMatchObject([{ state }]);
  });
});

describe('doctor on a NEMO that does not answer as one', () => {
  test('the REST interface is switched off', async () => {
    const { nemo } = await lab({ hasApi: false });
    const { results, tools } = await look({ url: nemo.baseUrl, token: nemo.token });
    expect(results).toMatchObject([
      {
        check: 'source nemo',
        state: 'fail',
        remedy: expect.stringContaining('ALLOW_CONDITIONAL_URLS'),
      },
    ]);
    expect(tools).toBeNull();
  });

  test('a token that is not known', async () => {
    const { nemo } = await lab();
    const { results } = await look({ url: nemo.baseUrl, token: 'nobodys' });
    expect(results).toMatchObject([
      { state: 'fail', remedy: expect.stringContaining('Check the token') },
    ]);
  });

  test('nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { results } = await look({ url: `http://127.0.0.1:${port}/api/` });
    expect(results).toMatchObject([
      {
        state: 'fail',
        message: expect.stringContaining('nothing listens there (ECONNREFUSED)'),
        remedy: expect.stringContaining('host and port'),
      },
    ]);
  });

  test('it speaks no TLS', async () => {
    const { baseUrl } = await scripted((_request, response) => response.end());
    const { results } = await look({ url: baseUrl.replace('http:', 'https:') });
    expect(results[0]?.remedy).toContain('http:// or https://');
  });

  test('it takes too long, which ends after the time limit', async () => {
    const { baseUrl } = await scripted(() => undefined);
    const { results } = await look({ url: baseUrl, timeout_s: 0.2 });
    expect(results).toMatchObject([
      { state: 'fail', remedy: expect.stringContaining('not overloaded') },
    ]);
  });

  test.each<[string, number, Record<string, string>, string, RegExp]>([
    ['a sign-on page', 200, { 'content-type': 'text/html' }, '<html>', /sign-on page/],
    ['a redirect', 302, { location: 'https://sso.example.org/' }, '', /single sign-on/],
  ])('%s is in the way', async (_what, status, headers, body, remedy) => {
    const { baseUrl } = await scripted((_request, response) => {
      response.writeHead(status, headers);
      response.end(body);
    });
    const { results } = await look({ url: baseUrl });
    expect(results).toMatchObject([{ state: 'fail', remedy: expect.stringMatching(remedy) }]);
  });

  test.each([
    ['ENOTFOUND', /name servers/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /NODE_EXTRA_CA_CERTS/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /NODE_EXTRA_CA_CERTS/],
    ['CERT_HAS_EXPIRED', /Renew/],
    ['ETIMEDOUT', /firewall/],
  ])('%s has a remedy of its own', (code, remedy) => {
    const below = Object.assign(new Error('below'), { code });
    const cause = new TypeError('fetch failed', { cause: below });
    const error = new AppError('SOURCE_UNAVAILABLE', 'NEMO cannot be reached.', { cause });
    expect(whyNotReached(error).remedy).toMatch(remedy);
  });
});

describe('doctor on what is pushed', () => {
  const webhook = { scheme: 'static-token', secrets: ['correct horse battery'] };
  const pushing = [{ name: 'nemo', kind: 'nemo', url: 'https://n/api/', consent: 'off', webhook }];

  test.each<[string, Record<string, unknown>, string]>([
    ['nothing listens', { enabled: false }, 'fail'],
    ['it is plain HTTP for all', { host: '0.0.0.0' }, 'warn'],
    ['it is plain HTTP behind a proxy', {}, 'ok'],
    ['it is HTTPS', { host: '0.0.0.0', tls: { certificate: '/c', key: '/k' } }, 'ok'],
  ])('%s', (_what, http, state) => {
    const results = [...checkListening(configOf({ sources: pushing, http }))];
    expect(results).toMatchObject([{ check: 'webhook nemo', state }]);
  });

  test('secrets that the scheme cannot take are told without showing them', () => {
    const wrong = { scheme: 'standard-webhooks', secrets: ['whsec_!!no base64!!'] };
    const sources = [{ ...pushing[0], webhook: wrong }];
    const results = [...checkListening(configOf({ sources }))];
    expect(results).toMatchObject([{ state: 'ok' }, { state: 'fail' }]);
    expect(JSON.stringify(results)).not.toContain('no base64');
  });
});

describeDatabases('doctor on sources', (fixture) => {
  const config = configOf({
    sources: [
      { name: 'nemo', kind: 'nemo', url: 'https://n/api/', consent: 'off', token: 'x' },
      { name: 'pcs', kind: 'instrument-pc' },
    ],
  });
  const progress = () => all(checkProgress(config, fixture.database, clock));

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
  });

  test('tools and instruments that do not mean each other are named, with the command', async () => {
    const { nemo, tool } = await facility();
    nemo.addTool({ name: 'JEOL 2100', id: 40 });
    nemo.addTool({ name: 'Hidden', id: 41, visible: false });
    nemo.addTool({ name: 'Titan, alternate', parent_tool: tool });
    await addInstrument(fixture.database, 'quanta', { harvester: 'nemo' });
    await addInstrument(fixture.database, 'helios', { apiUrl: 'https://other/api/tools/?id=1' });
    await addInstrument(fixture.database, 'old', { harvester: 'nemo', active: false });
    await addInstrument(fixture.database, 'gone', { apiUrl: `${nemo.baseUrl}tools/?id=98` });
    await fixture.database.createScope(async () => {
      await setTool({ source: 'nemo', toolId: String(tool), instrumentPid: 'titan' });
      await setTool({ source: 'nemo', toolId: '99', instrumentPid: 'titan' });
    });
    const looked = await look({ url: nemo.baseUrl, token: nemo.token });
    const results = await all(checkTools(fixture.database, [looked]));
    expect(results.map(({ check, message, remedy }) => [check, message, remedy])).toEqual([
      [
        'tools nemo',
        'NEMO has no tool 99, which means titan',
        'recordsmith instruments tool remove nemo 99',
      ],
      [
        'tools nemo',
        'NEMO has no tool 98, which the api_url of gone names',
        "recordsmith instruments set gone --api-url ''",
      ],
      [
        'tools nemo',
        expect.stringMatching(/^1 of 4 tools mean no instrument.*JEOL 2100 \(40\)$/),
        expect.stringContaining('import --from-nemo nemo'),
      ],
      ['tools of helios', expect.stringContaining('https://other/'), expect.any(String)],
      [
        'tools of quanta',
        expect.stringContaining('no tool of nemo'),
        expect.stringContaining('recordsmith instruments tool add quanta nemo'),
      ],
    ]);
  });

  test('before the first poll and report it says what to start', async () => {
    expect(await progress()).toMatchObject([
      { check: 'polling nemo', state: 'warn', remedy: expect.stringContaining('recordsmith run') },
      { check: 'tokens pcs', state: 'fail', remedy: expect.stringContaining('tokens create') },
      { check: 'reports pcs', state: 'warn' },
    ]);
  });

  test('it knows the last poll, tokens that hold, reports, and clocks that differ', async () => {
    const token = (name: string, expires: string | null, scope = 'ingest') => [
      ...[name, name.padEnd(64, '0'), JSON.stringify([scope]), 'ada', expires],
    ];
    const insert =
      'insert into api_tokens (name, token_sha256, scopes, author, expires_at) values (?, ?, ?, ?, ?)';
    await fixture.database.createScope(async () => {
      await query(insert, token('expired', '2026-01-01T00:00:00.000Z'));
      await query(insert, token('reader', null, 'read'));
      await query('insert into source_cursors (source, pass, succeeded_at) values (?, ?, ?)', [
        'nemo',
        'poll',
        '2026-11-21T03:59:00.000Z',
      ]);
      await query(
        'insert into instrument_clocks (instrument, offset_ms, measured_at) values (?, ?, ?)',
        ['titan', -3_600_000, NOW],
      );
    });
    await logSession(fixture.database, 's', { start: '2026-11-20T10:00:00Z' });
    await fixture.database.createScope(() => query("update session_log set source = 'pcs'"));
    expect(await progress()).toMatchObject([
      { check: 'polling nemo', state: 'ok' },
      { check: 'tokens pcs', state: 'fail' },
      { check: 'reports pcs', state: 'ok' },
      { check: 'clock titan', state: 'warn', message: expect.stringContaining('3600.0 s behind') },
    ]);
    await fixture.database.createScope(async () => {
      await query(insert, token('titan-pc', '2027-01-01T00:00:00.000Z'));
      await query(
        "update source_cursors set failing_since_at = ?, failures = 3, failure = 'NEMO is away.'",
        [NOW],
      );
    });
    expect(await progress()).toMatchObject([
      { state: 'warn', message: expect.stringMatching(/poll fails since .*3 times.*NEMO is away/) },
      { check: 'tokens pcs', state: 'ok' },
      {},
      {},
    ]);
  });
});
