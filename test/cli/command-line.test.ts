import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CLI, runCli } from './run-cli.js';

let folder: string;

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
    for (const word of ['init', 'config', 'completion', '--run-once']) {
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
    [['--json', 'init'], /'init' comes before its options/],
    [['--instrument', 'titan'], /--instrument works only together with --run-once/],
    [['--run-once', '--from', '2026-01-01'], /--from bounds a harvest, and this version has no/],
    [['--run-once', '--to', '2026-01-01'], /--to bounds a harvest, and this version has no/],
    [['--run-once', '--session', ''], /must not be empty/],
  ])('%j is wrong usage: 64, said on standard error only', async (args, message) => {
    const { code, stdout, stderr } = await runCli(folder, args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(64);
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

    writeFileSync(file, `${readFileSync(file, 'utf8')}# mine\n`);
    const second = await runCli(folder, ['init', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({
      config: { created: false },
      database: { applied: [] },
    });
    expect(readFileSync(file, 'utf8')).toMatch(/# mine\n$/);
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
