import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

jest.setTimeout(120_000);

const START = '2026-03-02T09:00:00Z';
const END = '2026-03-02T10:00:00Z';

describeEngines('files that say they were acquired in another session', (engine) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({
      engine,
      settings: { build: { file_delay_days: 100_000 } },
      instruments: [
        {
          pid: 'acquired',
          timezone: 'UTC',
          folders: [
            {
              path: 'acquired',
              timeBasis: 'acquired',
              clockOffsets: [],
              patterns: [],
              rootSeenNonemptyAtMs: null,
            },
          ],
        },
      ],
    });
    await lab.log('acquired', { start: START, end: END, instrument: 'acquired' });
  });
  afterAll(() => lab.remove());

  test('the session waits for its own ones until the file delay is over', async () => {
    lab.image('acquired/of-later.tif', '2026-03-02T09:50:00Z', '2026-03-02T11:15:00Z');
    const waiting = await lab.runOnce();
    expect(waiting.sessions).toMatchObject([
      { outcome: 'DEFERRED', reason: expect.stringMatching(/^no files yet/), record: null },
    ]);

    lab.image('acquired/own.tif', '2026-03-02T09:55:00Z', '2026-03-02T09:54:00Z');
    const built = await lab.runOnce(['--session', 'acquired']);
    expect(built.sessions).toMatchObject([{ outcome: 'COMPLETED', files: 1, version: 1 }]);
  });
});
