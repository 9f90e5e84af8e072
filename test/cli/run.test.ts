import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLab, type Lab } from '../support/lab.js';

describe('shadow mode', () => {
  const SAID = 'nothing is exported or mailed.';
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ engine: 'sqlite', settings: { mode: 'shadow' } });
  });
  afterEach(() => lab.remove());

  test('is said at the start of a pass, and live mode is not', async () => {
    expect((await lab.runOnce(['--no-harvest', '--no-export'])).stderr).toContain(SAID);
    lab.configure({ mode: 'live' });
    expect((await lab.runOnce()).stderr).not.toContain(SAID);
  });

  test('is said at the start of the daemon', async () => {
    const daemon = lab.start(['run']);
    await daemon.saw('recordsmith is running');
    expect(daemon.stderr).toContain(SAID);
  });
});
