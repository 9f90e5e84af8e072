import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfigFault } from '../../src/config/config-faults.js';
import { describeOrigin, originOf } from '../../src/config/config-origin.js';
import { loadConfig, type LoadConfigOptions } from '../../src/config/load-config.js';
import { shownConfig, shownKeys } from '../../src/config/show-config.js';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-config-'));
  file = join(folder, 'recordsmith.yaml');
});

afterEach(() => rmSync(folder, { recursive: true }));

function load(yaml: string, options: Partial<LoadConfigOptions> = {}) {
  writeFileSync(file, yaml, { mode: 0o600 });
  return loadConfig({ file, environment: {}, workingFolder: '/nowhere', ...options });
}

function faultsOf(action: () => unknown): readonly ConfigFault[] {
  try {
    action();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as { details: { faults: readonly ConfigFault[] } }).details.faults;
  }
  throw new Error('The configuration was accepted.');
}

describe('loadConfig', () => {
  test('proxies that are trusted are addresses or networks', () => {
    const right = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'];
    expect(load(`http: { trusted_proxies: ${JSON.stringify(right)} }`).config.http).toMatchObject({
      trusted_proxies: right,
    });
    for (const wrong of [
      'proxy.example.org',
      '10.0.0.0/33',
      '10.0.0.0/0',
      '10.0.0.0/8/8',
      '::1/',
    ]) {
      const [fault] = faultsOf(() => load(`http: { trusted_proxies: ['${wrong}'] }`));
      expect(fault).toMatchObject({ key: 'http.trusted_proxies[0]' });
    }
  });

  test('an empty file is the defaults, with paths from its folder', () => {
    const { config } = load('');
    expect(config.build.limits.file_bytes).toBe(256 * 1024 * 1024);
    expect(config.build.file_delay_days).toBe(2);
    expect(config.paths.records).toBe(join(folder, 'records'));
    expect(config.database.file).toBe(join(folder, 'recordsmith.sqlite'));
  });

  test('every fault is reported at once, with key, line, what was expected and the nearest name', () => {
    const faults = faultsOf(() =>
      load(
        [
          'mode: lve',
          'biuld: {}',
          'file_delay_days: 3',
          'build:',
          '  stratgy: inclusive',
          '  concurrency: 1.5',
          '  schedule: every day',
          '  limits:',
          '    file_bytes: 3 parsecs',
          'rules:',
          '  - name: service',
          '    action: skipp',
          'paths:',
          '  data: 7',
        ].join('\n'),
      ),
    );
    const told = faults.map(({ key, where, problem }) => `${where ?? ''} ${key ?? ''}: ${problem}`);
    expect(told).toHaveLength(9);
    const expected: [number, string, RegExp][] = [
      [1, 'mode', /expected one of live, shadow, found "lve"; did you mean 'live'\?/],
      [2, 'biuld', /unknown key, did you mean 'build'\?/],
      [3, 'file_delay_days', /did you mean 'build\.file_delay_days'\?/],
      [5, 'build.stratgy', /did you mean 'build\.strategy'\?/],
      [6, 'build.concurrency', /expected a whole number \(at least 1, at most 64\), found 1\.5/],
      [7, 'build.schedule', /expected a cron expression.*found "every day"/],
      [9, 'build.limits.file_bytes', /expected a number of bytes.*found "3 parsecs"/],
      [12, 'rules[0].action', /one of build, skip, found "skipp"; did you mean 'skip'\?/],
      [14, 'paths.data', /expected text that is not empty, found 7/],
    ];
    for (const [line, key, problem] of expected) {
      const fault = faults.find((entry) => entry.key === key);
      expect(fault?.where).toBe(`${file}:${line}`);
      expect(fault?.problem).toMatch(problem);
    }
  });

  test('what is no YAML, a doubled key or no group of keys is reported with its line', () => {
    expect(faultsOf(() => load('mode: live\nbuild: [1,\n'))[0]?.where).toMatch(/:\d+$/);
    expect(faultsOf(() => load('mode: live\nmode: shadow\n'))[0]).toMatchObject({
      where: `${file}:2`,
    });
    expect(faultsOf(() => load('- a\n'))[0]?.where).toBe(`${file}:1`);
  });

  test('a bomb of aliases is refused', () => {
    const levels = Array.from({ length: 9 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(faultsOf(() => load(levels.join('\n')))[0]?.problem).toMatch(/alias/i);
  });

  test('__proto__ is an unknown key and changes nothing', () => {
    expect(faultsOf(() => load('__proto__: {polluted: 1}\n'))[0]?.key).toBe('__proto__');
    expect({}).not.toHaveProperty('polluted');
  });

  test('the environment stands over the file, options over both; origins say so', () => {
    const { config, origins } = load(
      'build:\n  file_delay_days: 1\n  ignore_patterns: [a, b]\n  concurrency: 3\n',
      {
        environment: {
          RECORDSMITH_BUILD__FILE_DELAY_DAYS: '0.5',
          RECORDSMITH_BUILD__IGNORE_PATTERNS: '["*.mib"]',
          RECORDSMITH_BUILD__PREVIEWS: 'false',
          RECORDSMITH_RECORD__TITLE: '12',
          RECORDSMITH_MODE: '',
          RECORDSMITH_LOG__LEVEL: 'warn',
        },
        flags: [{ key: 'log.level', flag: '--log-level', value: 'debug' }],
      },
    );
    expect(config.build).toMatchObject({
      file_delay_days: 0.5,
      ignore_patterns: ['*.mib'],
      concurrency: 3,
      previews: false,
    });
    expect(config.record.title).toBe('12');
    expect(config.log.level).toBe('debug');
    const origin = (...path: string[]) => describeOrigin(originOf(origins, path));
    expect(origin('build', 'file_delay_days')).toBe('RECORDSMITH_BUILD__FILE_DELAY_DAYS');
    expect(origin('build', 'concurrency')).toBe(`${file}:4`);
    expect(origin('log', 'level')).toBe('--log-level');
    expect(origin('mode')).toBe('default');
  });

  test('a wrong or unknown variable is a fault that names the variable', () => {
    const faults = faultsOf(() =>
      load('', {
        environment: {
          RECORDSMITH_BUILD__CONCURRENCY: 'many',
          RECORDSMITH_BUILD__STRATEGI: 'inclusive',
          RECORDSMITH_BUILD: '{}',
        },
      }),
    );
    expect(faults).toContainEqual(
      expect.objectContaining({
        key: 'build.concurrency',
        where: 'RECORDSMITH_BUILD__CONCURRENCY',
      }),
    );
    expect(faults.find(({ where }) => where === 'RECORDSMITH_BUILD__STRATEGI')?.problem).toContain(
      'did you mean RECORDSMITH_BUILD__STRATEGY?',
    );
    expect(faults.map(({ where }) => where)).toContain('RECORDSMITH_BUILD');
  });

  test('the name that an unknown variable may mean is looked for part by part', () => {
    const problemOf = (variable: string) =>
      faultsOf(() => load('', { environment: { [variable]: '1' } }))[0]?.problem ?? '';
    expect(problemOf('RECORDSMITH_BILD__X')).toContain('did you mean RECORDSMITH_BUILD__...?');
    expect(problemOf('RECORDSMITH_BILD__X')).not.toContain('RECORDSMITH_MODE');
    expect(problemOf('RECORDSMITH_BILD__LIMIT__REDERS')).toContain(
      'did you mean RECORDSMITH_BUILD__LIMITS__READERS?',
    );
    expect(problemOf('RECORDSMITH_PATHS__X')).toBe(
      "unknown variable, 'paths' has the keys data, output, records, state",
    );
    expect(problemOf('RECORDSMITH_DATABASE_URL')).toContain('mean RECORDSMITH_DATABASE__URL?');
    expect(problemOf('RECORDSMITH_DATABASE')).toContain("'database' is a group");
    expect(problemOf('RECORDSMITH_QQQQQQQQ')).toContain('joined by two underscores');
  });

  test('a key that a group of the file leaves out has its default, also in words', () => {
    const originsOf = (yaml: string) =>
      new Map(shownKeys(load(yaml)).map(({ key, origin }) => [key, origin]));
    const origins = originsOf('database:\n  client: sqlite\n  file: a.sqlite\npaths:\n');
    expect(origins.get('database.file')).toBe(`${file}:3`);
    for (const key of ['database.pool', 'database.schema', 'database.url', 'paths.data']) {
      expect([key, origins.get(key)]).toEqual([key, 'default']);
    }
  });

  test('a value that breaks several checks of its key is one fault', () => {
    const faults = faultsOf(() => load('paths: {output: []}\nlog: {level: []}\n'));
    expect(faults.map(({ key, problem }) => `${key ?? ''} ${problem}`)).toEqual([
      'paths.output expected text that is not empty, found a list',
      expect.stringMatching(/^log.level expected one of/),
    ]);
  });

  test('relative paths of variables start at the working folder', () => {
    const { config } = load('', { environment: { RECORDSMITH_PATHS__DATA: 'store' } });
    expect(config.paths.data).toBe('/nowhere/store');
  });

  test('NexusLIMS variables are aliases: over the file, under RECORDSMITH_*', () => {
    const { config, warnings } = load('build: {strategy: exclusive}\n', {
      environment: {
        NX_FILE_STRATEGY: 'inclusive',
        NX_IGNORE_PATTERNS: '["*.mib","*.emi"]',
        NX_FILE_DELAY_DAYS: '2.5',
        NX_CLUSTERING_SENSITIVITY: '0',
        NX_INSTRUMENT_DATA_PATH: '/mnt/instruments',
        NX_DATA_PATH: '/var/nexuslims',
        NX_DB_PATH: '/var/nexuslims/nexuslims.db',
        NX_LOG_PATH: '/var/log/nexuslims',
        NX_CDCS_URL: 'https://cdcs.example.org',
        NX_UNRELATED: '1',
        RECORDSMITH_BUILD__FILE_DELAY_DAYS: '4',
      },
    });
    expect(config.build).toMatchObject({
      strategy: 'inclusive',
      ignore_patterns: ['*.mib', '*.emi'],
      file_delay_days: 4,
    });
    expect(config.build.clustering.sensitivity).toBe(0);
    expect(config.paths).toMatchObject({
      data: '/mnt/instruments',
      output: '/var/nexuslims',
      records: '/var/nexuslims/records',
    });
    expect(config.database.file).toBe('/var/nexuslims/nexuslims.db');
    expect(config.log.file.path).toBe('/var/log/nexuslims/recordsmith.log');
    expect(warnings).toStrictEqual(['NX_CDCS_URL is set, but recordsmith does not read it.']);
  });

  test('what NexusLIMS only derives yields to the file', () => {
    const { config } = load('paths: {records: /r}\n', { environment: { NX_DATA_PATH: '/nx' } });
    expect(config.paths).toMatchObject({ output: '/nx', records: '/r' });
  });

  test('secrets come from files and credentials, and are masked when shown', () => {
    const secretFile = join(folder, 'url');
    writeFileSync(secretFile, 'postgres://u:hidden@db/x\n');
    const fromFile = load('database: {client: postgres}\n', {
      environment: { RECORDSMITH_DATABASE__URL_FILE: secretFile },
    });
    expect(fromFile.config.database.url).toBe('postgres://u:hidden@db/x');
    expect(JSON.stringify(shownConfig(fromFile))).not.toContain('hidden');

    mkdirSync(join(folder, 'credentials'));
    writeFileSync(join(folder, 'credentials', 'database.url'), 'postgres://u:other@db/y');
    const fromCredentials = load('database: {client: postgres, url: "postgres://u:file@db/z"}\n', {
      environment: { CREDENTIALS_DIRECTORY: join(folder, 'credentials') },
    });
    expect(fromCredentials.config.database.url).toBe('postgres://u:other@db/y');
  });

  test('a secret is never repeated in a fault', () => {
    const faults = faultsOf(() => load('database: {client: postgres, url: "my:hidden"}\n'));
    expect(JSON.stringify(faults)).not.toContain('hidden');
    expect(faults[0]?.key).toBe('database.url');
  });

  test('a secret variable and its file together, or a file that is not there, are faults', () => {
    const both = faultsOf(() =>
      load('', {
        environment: {
          RECORDSMITH_DATABASE__URL: 'postgres://a@b/c',
          RECORDSMITH_DATABASE__URL_FILE: '/x',
        },
      }),
    );
    expect(both.map(({ where }) => where)).toContain('RECORDSMITH_DATABASE__URL_FILE');
    const missing = faultsOf(() =>
      load('', { environment: { RECORDSMITH_DATABASE__URL_FILE: join(folder, 'none') } }),
    );
    expect(missing[0]?.problem).toContain('cannot be read');
  });

  test('a file with a secret that every user can read is warned of', () => {
    const yaml = 'database: {client: postgres, url: "postgres://u:p@h/d"}\n';
    expect(load(yaml).warnings).toHaveLength(0);
    chmodSync(file, 0o644);
    expect(load(yaml).warnings[0]).toContain(`chmod o-r ${file}`);
    expect(load('mode: live\n').warnings).toHaveLength(0);
    // An address without a password is no secret.
    const open = 'database: {client: postgres, url: "postgres://u@h/d"}\n';
    expect(load(open).warnings).toHaveLength(0);
  });

  test('conditions between keys are checked', () => {
    const keys = (yaml: string) => faultsOf(() => load(yaml)).map(({ key }) => key);
    expect(keys('database: {client: postgres}')).toStrictEqual(['database.url']);
    expect(keys('database: {url: "postgres://h/d"}')).toStrictEqual(['database.url']);
    expect(keys('build: {settle_time_s: 90, settle_max_s: 60}')).toStrictEqual([
      'build.settle_max_s',
    ]);
    expect(keys('rules: [{name: a, action: skip}, {name: a, action: build}]')).toStrictEqual([
      'rules[1].name',
    ]);
  });

  test('a title names known parts only', () => {
    const [fault] = faultsOf(() => load('record: {title: "On {dispaly_name}"}\n'));
    expect(fault).toMatchObject({
      key: 'record.title',
      problem: expect.stringMatching(/only \{display_name\}, .* in braces, not \{dispaly_name\}/),
    });
    const { config } = load('record: {title: "{user}: {date} and {Weekday Mon. DD, YYYY}"}\n');
    expect(config.record.title).toContain('{user}');
  });

  test('one name in a rule is a list of one', () => {
    const { config } = load('rules: [{name: a, action: skip, match: {user: service}}]');
    expect(config.rules[0]?.match.user).toStrictEqual(['service']);
  });

  test('sizes may carry units', () => {
    const { config } = load('build: {limits: {file_bytes: 1.5 GiB, file_memory_bytes: 2 MB}}');
    expect(config.build.limits).toMatchObject({
      file_bytes: 1.5 * 1024 ** 3,
      file_memory_bytes: 2_000_000,
    });
  });

  test('a group whose keys are all commented out is not there', () => {
    const environment = { NX_DATA_PATH: '/data', RECORDSMITH_BUILD__CONCURRENCY: '3' };
    const { config } = load('paths:\nbuild:\n  limits:\nlog:\n  file:\n', { environment });
    expect(config.paths.records).toBe('/data/records');
    expect(config.build).toMatchObject({ concurrency: 3, limits: { readers: 2 } });
    expect(faultsOf(() => load('rules:\nbuild: {schedule: }\n')).map(({ key }) => key)).toEqual([
      'rules',
      'build.schedule',
    ]);
  });

  test('the result cannot be changed', () => {
    const { config } = load('');
    expect(Object.isFrozen(config.build.clustering)).toBe(true);
  });

  test('without --config the search path is tried in order', () => {
    const environment = { XDG_CONFIG_HOME: join(folder, 'xdg') };
    mkdirSync(join(folder, 'xdg/recordsmith'), { recursive: true });
    writeFileSync(join(folder, 'xdg/recordsmith/recordsmith.yaml'), 'mode: shadow\n');
    expect(loadConfig({ environment, workingFolder: folder }).config.mode).toBe('shadow');
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config/recordsmith.yaml'), 'mode: live\n');
    expect(loadConfig({ environment, workingFolder: folder }).file).toBe(
      join(folder, 'config/recordsmith.yaml'),
    );
  });

  test('with nothing at all the defaults are not used silently', () => {
    const options = { environment: { HOME: folder }, workingFolder: folder };
    expect(() => loadConfig(options)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NOT_FOUND',
        remedy: expect.stringContaining('recordsmith init'),
      }),
    );
    const environment = { HOME: folder, NX_FILE_STRATEGY: 'inclusive' };
    expect(loadConfig({ ...options, environment }).file).toBeNull();
  });

  test('a named file that does not exist is not replaced by another', () => {
    expect(() => loadConfig({ file: 'none.yaml', environment: {}, workingFolder: folder })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND' }),
    );
  });
});
