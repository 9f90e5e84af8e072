import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfigFault } from '../../src/config/config-faults.js';
import { loadConfig } from '../../src/config/load-config.js';
import { shownConfig, shownKeys } from '../../src/config/show-config.js';

const SECRET = 'abc:verysecret0123';
const NEMO = [
  'sources:',
  '  - name: nemo',
  '    kind: nemo',
  '    url: https://nemo.example.org/api/',
  '    consent: required',
];
const SECOND = ['  - name: nemo-2', '    kind: nemo', '    url: https://two.example.org/api/'];

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-sources-'));
  file = join(folder, 'recordsmith.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(lines: readonly string[], environment: Record<string, string> = {}) {
  writeFileSync(file, lines.join('\n'), { mode: 0o600 });
  return loadConfig({ file, environment, workingFolder: '/nowhere' });
}

function faultsOf(lines: readonly string[], environment: Record<string, string> = {}) {
  try {
    load(lines, environment);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).not.toContain('verysecret');
    expect(JSON.stringify(error)).not.toContain('verysecret');
    return (error as { details: { faults: readonly ConfigFault[] } }).details.faults;
  }
  throw new Error('The configuration was accepted.');
}

describe('secrets of sources', () => {
  const lines = [
    ...NEMO,
    `    token: '${SECRET}'`,
    '    webhook:',
    '      scheme: static-token',
    `      secrets: ['${SECRET}', 'other-${SECRET}']`,
  ];

  test('are masked wherever the configuration is shown', () => {
    const loaded = load(lines);
    const shown = JSON.stringify([shownConfig(loaded), shownKeys(loaded)]);
    expect(shown).not.toContain('verysecret');
    expect(shownConfig(loaded)).toMatchObject({
      sources: [{ name: 'nemo', token: '***', webhook: { secrets: ['***', '***'] } }],
    });
  });

  test('that are wrong are not in the faults', () => {
    const faults = faultsOf([
      ...NEMO,
      `    token: 'with blank ${SECRET}'`,
      '    webhook:',
      '      scheme: static-token',
      `      secrets: '${SECRET}'`,
    ]);
    expect(faults.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['sources[0].token', 'sources[0].webhook.secrets']),
    );
    expect(
      faultsOf([...NEMO, '    webhook: {scheme: static-token, secrets: [1234567]}'])[0]?.problem,
    ).toMatch(/a value that is not shown/);
  });

  test('in a file that everybody can read are warned of', () => {
    writeFileSync(file, lines.join('\n'));
    chmodSync(file, 0o644);
    const { warnings } = loadConfig({ file, environment: {}, workingFolder: '/nowhere' });
    expect(warnings).toEqual([
      expect.stringContaining('sources[0].token'),
      expect.stringContaining('sources[0].webhook.secrets'),
    ]);
  });
});

describe('variables of sources', () => {
  test('set keys of the entry that has their name, over the file, and show their origin', () => {
    const loaded = load([...NEMO, '    token: fromthefile', ...SECOND, '    consent: off'], {
      RECORDSMITH_SOURCES__NEMO__TOKEN: '0123456789',
      RECORDSMITH_SOURCES__NEMO__POLL_S: '45',
      RECORDSMITH_SOURCES__NEMO__WEBHOOK__SCHEME: 'static-token',
      RECORDSMITH_SOURCES__NEMO__WEBHOOK__SECRETS: '["first", "second"]',
      RECORDSMITH_SOURCES__NEMO__QUESTIONS__CONSENT: 'may_we',
      RECORDSMITH_SOURCES__NEMO_2__TOKEN: 'another',
      RECORDSMITH_SOURCES__NEMO_2__WEBHOOK__SECRETS: 'one-text',
      RECORDSMITH_SOURCES__NEMO_2__WEBHOOK__SCHEME: 'static-token',
      RECORDSMITH_SOURCES__NEMO_2__CONSENT: 'opt-out',
    });
    expect(loaded.config.sources).toMatchObject([
      {
        token: '0123456789',
        poll_s: 45,
        webhook: { secrets: ['first', 'second'] },
        questions: { consent: 'may_we', title: 'experiment_title' },
      },
      { token: 'another', consent: 'opt-out', webhook: { secrets: ['one-text'] } },
    ]);
    const origins = new Map(shownKeys(loaded).map(({ key, origin }) => [key, origin]));
    expect(origins.get('sources[0].token')).toBe('RECORDSMITH_SOURCES__NEMO__TOKEN');
    expect(origins.get('sources[0].url')).toBe(`${file}:4`);
    expect(origins.get('sources[0].user')).toBe('default');
  });

  test('take secrets from files, of a list one a line, and from credentials', () => {
    const credentials = join(folder, 'credentials');
    mkdirSync(credentials);
    writeFileSync(join(credentials, 'sources.nemo.token'), 'fromcredentials\n');
    writeFileSync(join(credentials, 'sources.nemo-2.webhook.secrets'), 'three\n');
    writeFileSync(join(folder, 'secrets'), 'one\r\n\ntwo\n');
    writeFileSync(join(folder, 'token'), 'fromafile\n');
    const lines = [...NEMO, ...SECOND, '    consent: off', '    webhook: {scheme: static-token}'];
    const { config } = load(lines, {
      CREDENTIALS_DIRECTORY: credentials,
      RECORDSMITH_SOURCES__NEMO__WEBHOOK__SCHEME: 'static-token',
      RECORDSMITH_SOURCES__NEMO__WEBHOOK__SECRETS_FILE: join(folder, 'secrets'),
      RECORDSMITH_SOURCES__NEMO_2__TOKEN_FILE: join(folder, 'token'),
    });
    expect(config.sources).toMatchObject([
      { token: 'fromcredentials', webhook: { secrets: ['one', 'two'] } },
      { token: 'fromafile', webhook: { secrets: ['three'] } },
    ]);
  });

  test('go to the source of the longest name', () => {
    const longer = SECOND.map((line) => line.replace('nemo-2', 'nemo--x'));
    const { config } = load([...NEMO, '    token: x', ...longer, '    consent: off'], {
      RECORDSMITH_SOURCES__NEMO__X__TOKEN: 'longer',
    });
    expect(config.sources).toMatchObject([{ token: 'x' }, { token: 'longer' }]);
  });

  test.each([
    ['RECORDSMITH_SOURCES__NEMMO__TOKEN', /did you mean RECORDSMITH_SOURCES__NEMO__TOKEN\?/],
    ['RECORDSMITH_SOURCES__NEMO__TOKN', /did you mean RECORDSMITH_SOURCES__NEMO__TOKEN\?/],
    ['RECORDSMITH_SOURCES__NEMO__URL_FILE', /unknown variable/],
    ['RECORDSMITH_SOURCES__NEMO__IDLE_MINUTES', /unknown variable/],
    ['RECORDSMITH_SOURCE__NEMO__TOKEN', /did you mean RECORDSMITH_SOURCES__NEMO__TOKEN\?/],
    [
      'RECORDSMITH_SOURCES__QUARTZLAB__TOKEN',
      /those there are begin with RECORDSMITH_SOURCES__NEMO__/,
    ],
  ])('%s is a fault with the nearest name', (variable, problem) => {
    const faults = faultsOf([...NEMO, '    token: x'], { [variable]: SECRET });
    expect(faults).toMatchObject([{ where: variable, problem: expect.stringMatching(problem) }]);
  });

  test('a wrong value is a fault of its variable, and two places of a secret are one too', () => {
    expect(
      faultsOf([...NEMO, '    token: x'], { RECORDSMITH_SOURCES__NEMO__POLL_S: 'often' }),
    ).toMatchObject([{ key: 'sources[0].poll_s', where: 'RECORDSMITH_SOURCES__NEMO__POLL_S' }]);
    expect(
      faultsOf(NEMO, {
        RECORDSMITH_SOURCES__NEMO__TOKEN: SECRET,
        RECORDSMITH_SOURCES__NEMO__TOKEN_FILE: '/run/token',
      }),
    ).toMatchObject([{ problem: expect.stringContaining('set one of them') }]);
  });
});

describe('entries of sources', () => {
  test('unknown keys are faults with line and the nearest key of the kind', () => {
    const faults = faultsOf([
      ...[...NEMO, '    token: x', '    tokn: y', '    webhok: null', '    idle_minutes: 3'],
      ...['  - name: pcs', '    kind: instrument-pc', '    auto_clos: idle'],
    ]);
    expect(faults).toMatchObject(
      [
        { key: 'sources[0].tokn', where: `${file}:7`, problem: /'sources\[0\]\.token'/ },
        { key: 'sources[0].webhok', where: `${file}:8`, problem: /'sources\[0\]\.webhook'/ },
        { key: 'sources[0].idle_minutes', where: `${file}:9`, problem: /^unknown key/ },
        { key: 'sources[1].auto_clos', where: `${file}:12`, problem: /'sources\[1\]\.auto_close'/ },
      ].map((fault) => ({ ...fault, problem: expect.stringMatching(fault.problem) })),
    );
  });

  test.each([
    ['', /expected one of nemo, instrument-pc, but it is missing/],
    ['    kind: nmeo', /expected one of nemo, instrument-pc, found "nmeo"; did you mean 'nemo'\?/],
  ])('a kind that is missing or wrong (%s) is told so', (line, problem) => {
    const faults = faultsOf(['sources:', '  - name: nemo', line, '    url: x']);
    expect(faults).toMatchObject([
      { key: 'sources[0].kind', problem: expect.stringMatching(problem) },
    ]);
  });

  test.each([
    ['timezone: "+01:00"', 'sources[0].timezone', /an IANA time zone such as/],
    ['timezone: Berlin', 'sources[0].timezone', /did you mean Europe\/Berlin\?/],
    ['url: nemo.example.org', 'sources[0].url', /the address of the REST interface/],
    ['url: https://eve:verysecret@nemo.example.org/api/', 'sources[0].url', /:\*\*\*@/],
  ])('%s is refused', (line, key, problem) => {
    const lines = line.startsWith('url') ? NEMO.filter((one) => !one.includes('url')) : NEMO;
    const faults = faultsOf([...lines, '    token: x', `    ${line}`]);
    expect(faults).toMatchObject([{ key, problem: expect.stringMatching(problem) }]);
  });

  test('a group whose keys are all commented out says nothing', () => {
    expect(load([...NEMO, '    token: x', '    questions:']).config.sources).toMatchObject([
      { questions: { consent: 'data_consent' } },
    ]);
  });
});

describe("NexusLIMS's variables of NEMO", () => {
  const environment = {
    NX_NEMO_ADDRESS_1: 'https://one.example.org/api/',
    NX_NEMO_TOKEN_1: 'token-one',
    NX_NEMO_ADDRESS_10: 'https://ten.example.org/api/',
    NX_NEMO_TOKEN_10: 'token-ten',
    NX_NEMO_STRPTIME_FMT_10: '%m-%d-%Y %H:%M:%S',
    NX_NEMO_STRFTIME_FMT_10: '%m-%d-%Y %H:%M:%S',
    NX_NEMO_TZ_10: 'America/Denver',
  };

  test('become sources that want consent and reservation, as NexusLIMS does', () => {
    const { config, warnings } = load([], environment);
    const wants = { kind: 'nemo', consent: 'required', reservation: 'required' };
    expect(config.sources).toMatchObject([
      { ...wants, name: 'nemo', url: 'https://one.example.org/api/', token: 'token-one' },
      {
        ...wants,
        name: 'nemo-10',
        token: 'token-ten',
        datetime_format: '%m-%d-%Y %H:%M:%S',
        timezone: 'America/Denver',
      },
    ]);
    expect(warnings).toEqual([expect.stringMatching(/^NX_NEMO_STRFTIME_FMT_10 is not needed/)]);
  });

  test('yield to an entry of the same name, and to variables of ours', () => {
    const lines = ['sources:', '  - name: nemo', '    kind: nemo', '    consent: off'];
    const { config } = load(lines, {
      ...environment,
      RECORDSMITH_SOURCES__NEMO_10__TOKEN: 'ours',
    });
    expect(config.sources).toMatchObject([
      { url: 'https://one.example.org/api/', token: 'token-one', consent: 'off' },
      { name: 'nemo-10', token: 'ours' },
    ]);
  });

  test('that are wrong are faults with their names', () => {
    expect(faultsOf([], { ...environment, NX_NEMO_TZ_10: '+01:00' })).toMatchObject([
      { key: 'sources[1].timezone', where: 'NX_NEMO_TZ_10' },
    ]);
    expect(faultsOf([], { NX_NEMO_TOKEN_3: SECRET })).toMatchObject([
      { where: 'NX_NEMO_TOKEN_3', problem: expect.stringContaining('NX_NEMO_ADDRESS_3') },
    ]);
  });
});
