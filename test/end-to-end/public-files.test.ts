import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

jest.setTimeout(180_000);

describeEngines('A public record file that was removed or altered', (engine) => {
  let lab: Lab;
  let xml: string;
  let json: string;
  let right: { readonly xml: string; readonly json: string };

  const shown = () => ({ xml: lab.read(xml), json: lab.read(json) });

  beforeAll(async () => {
    lab = await createLab({ engine, settings: { build: { previews: false } } });
    lab.spectrum('titan/a.msa', '2026-03-02T09:30:00Z');
    await lab.log('a', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    xml = (await lab.runOnce()).sessions[0]?.record ?? '';
    json = xml.replace(/\.xml$/, '.json');
    right = shown();
  });
  afterAll(() => lab.remove());
  beforeEach(() => {
    rmSync(xml);
    appendFileSync(json, ' ');
  });

  test('is made anew by a single pass that has nothing to build, not by a dry run', async () => {
    expect((await lab.run(['--run-once', '--dry-run'])).code).toBe(0);
    expect(existsSync(xml)).toBe(false);
    const { code, sessions, stderr } = await lab.runOnce();
    expect([code, sessions]).toEqual([0, []]);
    expect(stderr).toContain('Public files of records were missing or altered');
    expect(shown()).toEqual(right);
    expect((await lab.runOnce()).stderr).not.toContain('Public files');
  });

  test('is made anew when the daemon starts', async () => {
    const daemon = lab.start(['run']);
    await daemon.saw('Public files of records were missing or altered');
    expect(shown()).toEqual(right);
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });
});
