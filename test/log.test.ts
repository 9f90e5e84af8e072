import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, test } from '@jest/globals';
import { AppError } from '../src/errors.js';
import { createLog, type LogSettings, type LogSurroundings } from '../src/log.js';

class Collector extends Writable {
  text = '';
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    super({
      write: (chunk: Buffer, _encoding, done) => {
        this.text += chunk.toString();
        done();
      },
    });
    this.isTTY = isTTY;
  }
}

function open(settings: Partial<LogSettings> = {}, surroundings: LogSurroundings = {}) {
  const stream = new Collector();
  const log = createLog(
    { level: 'info', format: 'json', file: null, ...settings },
    { stream, environment: {}, ...surroundings },
  );
  const parsed = () =>
    stream.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, stream, parsed };
}

const folder = mkdtempSync(join(tmpdir(), 'recordsmith-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('createLog', () => {
  test('JSON: one document a line, with time, level, message and fields', () => {
    const { log, parsed } = open();
    log.info('Record written.', { files: 3, size: 9007199254740993n, level: 'mine' });
    expect(parsed()).toStrictEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        level: 'info',
        message: 'Record written.',
        files: 3,
        size: '9007199254740993',
        level_: 'mine',
      },
    ]);
  });

  test('every line of a child carries what it is bound to', () => {
    const { log, parsed } = open();
    const session = log.child({ session: 'abc' });
    session.warn('one');
    session.child({ file: 'x' }).error('two');
    log.info('three');
    expect(parsed().map(({ session, file }) => [session, file])).toStrictEqual([
      ['abc', undefined],
      ['abc', 'x'],
      [undefined, undefined],
    ]);
  });

  test('level, format and file hold for all relatives and can be changed', async () => {
    const { log, stream } = open({ level: 'warn' });
    const child = log.child({ a: 1 });
    child.info('not shown');
    const file = (name: string) => ({
      path: join(folder, 'changed', name),
      ...{ maxSizeBytes: 1000, maxFiles: 2 },
    });
    log.reconfigure({ level: 'debug', format: 'journald', file: file('one.log') });
    child.debug('shown');
    log.reconfigure({ level: 'info', format: 'journald', file: file('two.log') });
    child.info('two');
    // A file in place of a folder: all stays as it was.
    const wrong = { ...file('two.log'), path: join(folder, 'changed/two.log/three.log') };
    expect(() => log.reconfigure({ level: 'error', format: 'json', file: wrong })).toThrow(
      expect.objectContaining({ code: 'FILE_NOT_WRITABLE' }),
    );
    child.info('still');
    await log.close();
    expect(stream.text).toBe('<7>shown a=1\n<6>two a=1\n<6>still a=1\n');
    const messages = (name: string) =>
      readFileSync(file(name).path, 'utf8').match(/(?<="message":")[^"]*/g);
    expect(messages('one.log')).toStrictEqual(['shown']);
    expect(messages('two.log')).toStrictEqual(['two', 'still']);
  });

  test('a log file that was moved away is begun anew', async () => {
    const path = join(folder, 'moved/a.log');
    const settings = { path, maxSizeBytes: 1000, maxFiles: 2 };
    const { log } = open({ file: settings });
    log.info('before');
    renameSync(path, `${path}.old`);
    log.reconfigure({ level: 'info', format: 'json', file: settings });
    log.info('after');
    await log.close();
    expect(readFileSync(path, 'utf8')).toMatch(/^.*"after".*\n$/);
  });

  test('auto is pretty on a terminal, journald under systemd, else JSON', () => {
    const lines = (['json', 'journal', 'terminal'] as const).map((place) => {
      const stream = new Collector(place === 'terminal');
      const environment = place === 'json' ? {} : { JOURNAL_STREAM: '8:1', NO_COLOR: '1' };
      createLog({ level: 'info', format: 'auto', file: null }, { stream, environment }).warn('w', {
        n: 1,
      });
      return stream.text;
    });
    expect(lines[0]).toMatch(/^\{"time"/);
    expect(lines[1]).toBe('<4>w n=1\n');
    expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}w n=1\n$/);
  });

  test('NO_COLOR is honoured, a terminal without it is coloured', () => {
    const coloured = (environment: Record<string, string>) => {
      const stream = new Collector(true);
      createLog({ level: 'info', format: 'auto', file: null }, { stream, environment }).error('e');
      return stream.text.includes('\u001b[');
    };
    expect(coloured({})).toBe(true);
    expect(coloured({ NO_COLOR: '1' })).toBe(false);
    expect(coloured({ NO_COLOR: '' })).toBe(true);
  });

  test.each(['json', 'journald', 'pretty'] as const)(
    '%s: no message, field or field name can forge a line or reach the terminal',
    (format) => {
      const { log, stream } = open({ format });
      const evil = 'a\n<3>forged\r\u0000\u001b[2J\u0085\u2028\u202e\ud800 "x=1';
      log.info(evil, { [evil]: evil, error: new Error(evil) });
      expect(stream.text.trimEnd().split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(1);
      expect(stream.text.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    },
  );

  test('errors are objects with code, remedy, details and the chain of causes', () => {
    const { log, parsed } = open();
    const below = Object.assign(new Error('ENOENT: x'), { code: 'ENOENT' });
    const error = new AppError('FILE_UNREADABLE', 'Cannot read.', {
      cause: below,
      remedy: 'Mend it.',
      details: { path: '/x', line: 3n },
    });
    log.error('A file failed.', { error });
    expect(parsed()[0]?.['error']).toStrictEqual({
      name: 'AppError',
      message: 'Cannot read.',
      code: 'FILE_UNREADABLE',
      remedy: 'Mend it.',
      details: { path: '/x', line: '3' },
      cause: {
        name: 'Error',
        message: 'ENOENT: x',
        code: 'ENOENT',
        stack: expect.stringContaining('ENOENT: x'),
      },
    });
  });

  test('secrets are masked in messages, fields, errors and details', () => {
    const { log, stream } = open();
    const url = 'postgres://reader:hidden@pa@db:5432/x?password=hidden';
    log.error(`Cannot reach ${url}`, {
      url,
      password: 'hidden',
      header: 'Authorization: Token hidden',
      nested: { api_key: 'hidden', list: [url] },
      error: new AppError('DATABASE_UNAVAILABLE', url, {
        cause: new Error(url),
        details: { token: 'hidden' },
      }),
    });
    expect(stream.text).not.toContain('hidden');
    expect(stream.text).toContain('postgres://reader:***@db:5432/x');
  });

  test('cycles, buffers, depth and size are bounded', () => {
    const { log, parsed } = open();
    const cycle: Record<string, unknown> = { name: 'x' };
    cycle['self'] = cycle;
    log.info('odd', {
      cycle,
      bytes: new Uint8Array(10),
      long: 'x'.repeat(100_000),
      list: Array(1000).fill(0),
      nan: Number.NaN,
      nothing: undefined,
    });
    const [line] = parsed();
    expect(line).toMatchObject({
      cycle: { name: 'x', self: '(circular)' },
      bytes: '(10 bytes)',
      nan: 'NaN',
    });
    expect(JSON.stringify(line).length).toBeLessThan(20_000);
    expect(line).not.toHaveProperty('nothing');
  });

  test('the log file gets JSON lines, is rotated and complete after close', async () => {
    const path = join(folder, 'deep/recordsmith.log');
    const { log } = open({ format: 'pretty', file: { path, maxSizeBytes: 4000, maxFiles: 3 } });
    log.info('first');
    await log.close();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ message: 'first' });

    const many = open({ file: { path, maxSizeBytes: 4000, maxFiles: 3 } });
    for (let n = 0; n < 300; n += 1) {
      many.log.info('line', { n, filler: 'x'.repeat(100) });
    }
    await many.log.close();
    const files = readdirSync(join(folder, 'deep'));
    expect(files.length).toBeGreaterThan(1);
    expect(files.length).toBeLessThanOrEqual(3);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)).toContain('"n":299');
  });

  test('a log file that cannot be made is an error with a remedy', () => {
    const path = join(folder, 'deep/recordsmith.log/x/y.log');
    expect(() => open({ file: { path, maxSizeBytes: 1000, maxFiles: 2 } })).toThrow(
      expect.objectContaining({ code: 'FILE_NOT_WRITABLE' }),
    );
  });

  test('a log file that cannot be written is given up, the lines on the stream go on', () => {
    // The kernel's device that is always full.
    const { log, parsed } = open({ file: { path: '/dev/full', maxSizeBytes: 1000, maxFiles: 2 } });
    log.info('before');
    log.info('after');
    expect(parsed()).toMatchObject([
      { message: 'before' },
      {
        message: 'The log file cannot be written any more; lines go to standard error only.',
        error: { code: 'ENOSPC' },
      },
      { message: 'after' },
    ]);
  });

  test('a line after close still reaches the stream', async () => {
    const { log, parsed } = open();
    await log.close();
    log.child({ session: 'abc' }).error('late');
    expect(parsed()).toMatchObject([{ message: 'late', session: 'abc' }]);
  });
});
