import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { mrcBytes } from '../support/mrc-bytes.js';
import { decodedPng, type Picture } from '../support/preview-picture.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const ID = 'https://nemo.example/api/usage_events/?id=9';
const SIDE = 200;

/** Four frames, each darker than the next. */
function movie(): Buffer {
  const pixels = Uint8Array.from({ length: 4 * SIDE * SIDE }, (_, at) =>
    at % SIDE < 100 ? 0 : 30 * (1 + Math.floor(at / SIDE / SIDE)),
  );
  return mrcBytes({ size: [SIDE, SIDE, 4], mode: 0, pixels: Buffer.from(pixels) });
}

describeEngines('Previews of stacks', (engine) => {
  let lab: Lab;
  const preview = (): Promise<Picture> =>
    decodedPng(readFileSync(join(lab.output, 'titan/movie.mrc.thumb.png')));

  beforeEach(async () => {
    lab = await createLab({ engine, instruments: [{ pid: 'titan', timezone: 'UTC' }] });
    await lab.log(ID, { start: '2026-03-02T09:00:00Z', end: '2026-03-02T11:00:00Z' });
  });
  afterEach(async () => {
    await lab.remove();
  });

  test('follow the configuration when their session is built again', async () => {
    lab.write('titan/movie.mrc', Date.UTC(2026, 2, 2, 9, 30), movie());
    const first = await lab.runOnce(['--session', ID]);
    expect(first.sessions).toMatchObject([{ outcome: 'COMPLETED', files: 1 }]);
    const montage = await preview();
    // Two rows of two frames of 200 pixels, no reduction.
    expect([montage.width, montage.height]).toEqual([400, 400]);
    expect(montage.at(150, 100)[0]).toBeLessThan(montage.at(350, 300)[0] ?? 0);

    lab.configure({ build: { stack_previews: 'last' } });
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }, { fresh: false }));
    await lab.runOnce(['--session', ID]);
    const single = await preview();
    expect([single.width, single.height]).toEqual([200, 200]);
    expect(single.at(150, 100)[0]).toBe(255);
  });
});
