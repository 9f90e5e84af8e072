import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.js';
import { configSchema } from '../../src/config/schema.js';
import { CLI, runCli } from './run-cli.js';

let folder: string;

function withoutEmptyGroups(tree: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree)
      .map(([name, value]): [string, unknown] => [
        name,
        typeof value === 'object' && value !== null
          ? withoutEmptyGroups(value as Record<string, unknown>)
          : value,
      ])
      .filter(([, value]) => value !== null && JSON.stringify(value) !== '{}'),
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-cli-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const packageVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

describe('recordsmith', () => {
  test('--version prints the version of the package', async () => {
    expect(await runCli(folder, ['--version'])).toStrictEqual({
      code: 0,
      stdout: `${packageVersion}\n`,
      stderr: '',
    });
  });

  test('--help lists the commands and ends with 0', async () => {
    const { code, stdout } = await runCli(folder, ['--help']);
    expect(code).toBe(0);
    for (const word of [
      'init',
      'config',
      'help',
      '--run-once',
      '-n, --dry-run',
      '--session <id>',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    [['config', 'check', '--orign'], /unknown option '--orign'/],
    [['config', 'show', '--orign'], /Did you mean --origin\?/],
    [['--run-onec'], /Did you mean --run-once\?/],
    [['confg'], /no command 'confg'[^]*Did you mean 'config'\?/],
    [['config', 'shwo'], /Did you mean show\?/],
    [['config'], /Usage: recordsmith config/],
    [['completion'], /missing required argument 'shell'/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['--log-level', 'loud', 'config', 'check'], /Allowed choices are error, warn, info, debug/],
    [['config', 'check', '--config'], /argument missing/],
    [['run', 'foo'], /'recordsmith run' takes no operand, and 'foo' is one/],
    [['run', 'doctr'], /Did you mean 'recordsmith doctor'\?/],
    [['run', 'doctor'], /Did you mean 'recordsmith doctor'\?/],
    [['bogus', '--help'], /no command 'bogus'/],
    [['--config', 'x.yaml', 'confg', '-h'], /Did you mean 'config'\?/],
    [['config', 'shwo', '--help'], /no command 'recordsmith config shwo'[^]*Did you mean 'show'\?/],
    [['help', 'bogus'], /no command 'bogus'/],
    [['help', 'config', 'shwo'], /no command 'recordsmith config shwo'/],
    [['--instrument', 'titan'], /--instrument works only together with --run-once/],
    [['--from', '2026-01-01'], /--from works only together with --run-once/],
    [['--run-once', '--no-harvest', '--to', '2026-01-01'], /--no-harvest has none/],
    [['--run-once', '--session', ''], /must not be empty/],
  ])('%j is wrong usage: 64, said on standard error only', async (args, message) => {
    const { code, stdout, stderr } = await runCli(folder, args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(64);
  });

  test.each([
    [['help'], /^Usage: recordsmith \[options\]/],
    [['help', 'sessions', 'set'], /^Usage: recordsmith sessions set /],
    [['sessions', 'help', 'set'], /^Usage: recordsmith sessions set /],
    [['sessions', 'set', '--help'], /^Usage: recordsmith sessions set /],
    [['config', '--help'], /^Usage: recordsmith config /],
  ])('%j shows the help and ends with 0', async (args, usage) => {
    const { code, stdout, stderr } = await runCli(folder, args);
    expect(stdout).toMatch(usage);
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
  });

  test('without a configuration it ends with 78 and says what to type', async () => {
    for (const args of [
      ['config', 'check'],
      ['config', 'show'],
      ['config', 'check', '--config', 'x.yaml'],
    ]) {
      const { code, stderr, stdout } = await runCli(folder, args);
      expect(stderr).toMatch(/^error: .*configuration file/);
      expect(stderr).toContain('remedy: ');
      expect(stderr).toContain('recordsmith init');
      expect(stdout).toBe('');
      expect(code).toBe(78);
    }
  });

  test('all faults of a configuration are listed at once, with 78', async () => {
    writeFileSync(join(folder, 'c.yaml'), 'mode: lve\nbuild:\n  concurrency: 0\n  typo: 1\n');
    const { code, stderr } = await runCli(folder, ['config', 'check', '--config', 'c.yaml']);
    expect(code).toBe(78);
    for (const line of [1, 3, 4]) expect(stderr).toContain(`c.yaml:${line}: `);
  });

  test('a configuration file that may not be read is told from one that is wrong', async () => {
    const { code, stderr } = await runCli(folder, ['config', 'check', '--config', folder]);
    expect(stderr).toContain('cannot be read');
    expect(code).toBe(65);
  });

  test('config show masks secrets and says origins; --config works before and behind the command', async () => {
    writeFileSync(join(folder, 'c.yaml'), 'database:\n  client: postgres\n');
    const environment = { RECORDSMITH_DATABASE__URL: 'postgres://u:hidden@db/x' };
    for (const args of [
      ['config', 'show', '--origin', '--config', 'c.yaml'],
      ['--config', 'c.yaml', 'config', 'show', '--origin'],
    ]) {
      const { code, stdout } = await runCli(folder, args, environment);
      expect(code).toBe(0);
      expect(stdout).not.toContain('hidden');
      expect(stdout).toMatch(
        /database\.url +postgres:\/\/u:\*\*\*@db\/x +RECORDSMITH_DATABASE__URL/,
      );
      expect(stdout).toMatch(/database\.client +postgres +\S+c\.yaml:2/);
    }
    const json = await runCli(
      folder,
      ['config', 'show', '--json', '--config', 'c.yaml', '--log-level', 'debug'],
      environment,
    );
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: join(folder, 'c.yaml'),
      config: { database: { url: 'postgres://u:***@db/x' }, log: { level: 'debug' } },
    });
  });

  test('no colours where standard output is no terminal', async () => {
    writeFileSync(join(folder, 'c.yaml'), '');
    const { stdout } = await runCli(folder, ['config', 'show', '--origin', '--config', 'c.yaml']);
    expect(stdout).not.toContain('\u001b');
  });

  test('a reader who has read enough is no error', () => {
    writeFileSync(join(folder, 'c.yaml'), '');
    const { stderr, stdout } = spawnSync(
      'bash',
      [
        '-c',
        `set -o pipefail; "${process.execPath}" "${CLI}" completion zsh | true; echo "code $?"`,
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('code 0\n');
  });
});

describe('standard output that cannot be written', () => {
  const onFullDisk = (args: readonly string[]) => {
    writeFileSync(join(folder, 'c.yaml'), '');
    return spawnSync(
      'bash',
      ['-c', '"$@" > /dev/full', 'bash', process.execPath, CLI, ...args, '--config', 'c.yaml'],
      { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: folder } },
    );
  };

  test.each([[['config', 'show', '--json']], [['config', 'show', '--help']], [['help', 'run']]])(
    '%j on a full disk: message and 75, no stack',
    (args) => {
      const { status, stderr } = onFullDisk(args);
      expect(stderr).toMatch(
        /^error: Standard output cannot be written.\n {2}cause: ENOSPC.*\n {2}remedy: .*\n$/,
      );
      expect(status).toBe(75);
    },
  );

  test('what went wrong besides counts more', () => {
    const { status, stderr } = onFullDisk(['sessions', 'list', '--json']);
    expect(stderr).toMatch(/^error: There is no database/);
    expect(status).toBe(69);
  });
});

describe('recordsmith init', () => {
  test('writes a valid commented configuration and a database, and never overwrites', async () => {
    const first = await runCli(folder, ['init', '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const file = join(folder, 'config/recordsmith.yaml');
    expect(JSON.parse(first.stdout)).toMatchObject({
      config: { file, created: true },
      database: { place: join(folder, 'recordsmith.sqlite') },
    });
    expect(existsSync(join(folder, 'recordsmith.sqlite'))).toBe(true);
    expect(statSync(file).mode & 0o007).toBe(0);
    expect((await runCli(folder, ['config', 'check'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^# Configuration.*take the # away to change one/);
    // What has a default is commented out, so that later defaults hold; data do not lie among settings.
    expect(
      withoutEmptyGroups(parse(readFileSync(file, 'utf8')) as Record<string, unknown>),
    ).toStrictEqual({
      database: { file: '../recordsmith.sqlite' },
      paths: {
        ...{ data: '../data', output: '../output', records: '../records', state: '../state' },
      },
    });

    writeFileSync(file, `${readFileSync(file, 'utf8')}# mine\n`);
    const second = await runCli(folder, ['init', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({
      config: { created: false },
      database: { applied: [] },
    });
    expect(readFileSync(file, 'utf8')).toMatch(/# mine\n$/);
  });

  test('each line that is commented out can be taken back by taking its # away', async () => {
    await runCli(folder, ['init', '--quiet']);
    const file = join(folder, 'config/recordsmith.yaml');
    const text = readFileSync(file, 'utf8');
    const commented = text.split('\n').filter((line) => /^ *#\S/.test(line));
    expect(commented.length).toBeGreaterThan(30);
    writeFileSync(file, text.replace(/^( *)#(?=\S)/gm, '$1'));
    const { config } = loadConfig({ file, environment: {}, workingFolder: folder });
    expect(config).toMatchObject({ ...configSchema.parse({}), database: {}, paths: {} });
  });

  test('--config names the file; outside a folder called config the data lie beside it', async () => {
    const { code } = await runCli(folder, ['init', '--config', 'etc/lab.yaml', '--quiet']);
    expect(code).toBe(0);
    expect(existsSync(join(folder, 'etc/recordsmith.sqlite'))).toBe(true);
  });

  test('a folder that cannot be made is told with its remedy', async () => {
    writeFileSync(join(folder, 'file'), '');
    const { code, stderr } = await runCli(folder, ['init', '--config', 'file/c.yaml']);
    expect(stderr).toMatch(/cannot be written[^]*cause: [^]*remedy: /);
    expect(code).toBe(77);
  });
});
