import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createLab, type Lab } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

let lab: Lab;

beforeEach(async () => {
  lab = await createLab({ engine: 'sqlite' });
});
afterEach(() => lab.remove());

describe('SIGHUP', () => {
  test('applies format, level and file of the log, and names what changed', async () => {
    const daemon = lab.start(['run']);
    await daemon.saw('recordsmith is running');
    lab.configure({
      log: { format: 'journald', level: 'debug', file: { path: 'logs/one.log' } },
      build: { shutdown_grace_s: 5 },
    });
    daemon.kill('SIGHUP');
    await daemon.saw('The configuration was read again.');
    const [line = ''] = /^.*was read again.*$/m.exec(daemon.stderr) ?? [];
    expect(line).toBe(
      '<6>The configuration was read again. changed=["build.shutdown_grace_s","log.level","log.format","log.file.path"]',
    );
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    expect(lab.read(join(lab.folder, 'logs/one.log'))).toContain('recordsmith has stopped.');
  });

  test('a log file that cannot be opened keeps the old configuration', async () => {
    const daemon = lab.start(['run']);
    await daemon.saw('recordsmith is running');
    lab.configure({ log: { file: { path: 'recordsmith.yaml/one.log' } } });
    daemon.kill('SIGHUP');
    await daemon.saw('The new configuration has faults; the old one stays in force.');
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });
});

describe('record.schema', () => {
  test.each([
    ['that is not there', 'missing.xsd', null],
    ['that is none', 'broken.xsd', '<broken'],
  ])('one %s is told at the start: 78, no session is touched', async (_what, name, content) => {
    if (content !== null) writeFileSync(join(lab.folder, name), content);
    await lab.log('first', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    lab.spectrum('titan/a.msa', '2026-03-02T09:30:00Z');
    lab.configure({ record: { schema: name } });
    for (const args of [['--run-once'], ['run']]) {
      const { code, stderr } = await lab.run(args);
      expect(stderr).toMatch(new RegExp(`error: The schema \\S+${name}`));
      expect(code).toBe(78);
    }
    expect(await lab.database.knex('build_attempts')).toEqual([]);
  });
});
