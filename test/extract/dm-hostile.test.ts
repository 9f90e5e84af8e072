import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { writeDm3 } from '../../src/demo/write-dm3.js';
import { isAppError } from '../../src/errors.js';
import { dmExtractor } from '../../src/extract/formats/dm.js';
import { firstFrame } from '../support/first-frame.js';
import { MemoryFile } from '../support/memory-file.js';
import { describeWithSamples, samplePath, sampleReference } from '../support/samples.js';

const SEED = 20_260_304;
const IS_SOAK = process.env['SOAK'] === '1';
/** Damaged copies a file. */
const COPIES = IS_SOAK ? 2000 : 8;

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Reads a damaged file with its previews; anything but a result or an AppError is a defect.
 * @returns Whether it could be read.
 */
async function readsOrRefuses(name: string, bytes: Buffer, damage: string): Promise<boolean> {
  // Previews and tags together may look at the whole file a few times, never at more.
  const file = new MemoryFile(name, bytes, 0, 4 * bytes.length + 1_000_000);
  try {
    const { signals, tags } = await dmExtractor.extract(file, { timezone: 'UTC', previews: true });
    JSON.stringify([signals, tags]);
    for (const signal of signals) firstFrame(signal.previewOf?.());
    return true;
  } catch (error) {
    if (!isAppError(error) || error.code !== 'FORMAT_INVALID') {
      throw new Error(`${name}, seed ${SEED}, ${damage}`, { cause: error });
    }
    return false;
  }
}

async function expectSurvival(name: string, bytes: Buffer, seed: number): Promise<void> {
  const random = randomOf(seed);
  for (let copy = 0; copy < COPIES; copy += 1) {
    const length = random(bytes.length);
    await readsOrRefuses(name, bytes.subarray(0, length), `cut at ${length}`);
    const flipped = Buffer.from(bytes);
    const flips: string[] = [];
    for (let flip = random(4); flip >= 0; flip -= 1) {
      // Half of them near the beginning, where the structure is dense.
      const at = random(random(2) === 0 ? Math.min(bytes.length, 20_000) : bytes.length);
      flips.push(String(at));
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random(8)), at);
    }
    await readsOrRefuses(name, flipped, `bits flipped at ${flips.join(', ')}`);
  }
}

describe(`damaged DigitalMicrograph files (seed ${SEED})`, () => {
  const whole = writeDm3({
    name: 'small',
    axes: [
      { length: 3, scale: 1, origin: 0, unit: 'nm' },
      { length: 2, scale: 1, origin: 0, unit: 'nm' },
      { length: 4, scale: 1, origin: 0, unit: 'eV' },
    ],
    pixels: new Uint16Array(24),
    intensityUnit: '',
    acquired: DateTime.fromISO('2026-03-04T15:06:07Z') as DateTime<true>,
    tags: { 'Meta Data': { Format: 'Spectrum image', Signal: 'EELS' } },
  });

  test('cut anywhere before the end of the tags is refused', async () => {
    // The eight bytes at the end say nothing; the tags end before them.
    for (let length = 0; length < whole.length - 8; length += 1) {
      expect(await readsOrRefuses('small.dm3', whole.subarray(0, length), `cut at ${length}`)).toBe(
        false,
      );
    }
    expect(await readsOrRefuses('small.dm3', whole, 'nothing')).toBe(true);
  });

  test('with one bit wrong it is read or refused', async () => {
    let refused = 0;
    for (let bit = 0; bit < whole.length * 8; bit += 7) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      if (!(await readsOrRefuses('small.dm3', flipped, `bit ${bit}`))) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describeWithSamples(`damaged samples (seed ${SEED})`, () => {
  const names = sampleReference((name) => /\.dm[34]$/.test(name)).map(([name]) => name);

  test.each(names.map((name, index) => [name, SEED + index] as const))(
    '%s, cut and with bits flipped, is read or refused',
    async (name, seed) => {
      await expect(
        expectSurvival(name, readFileSync(samplePath(name)), seed),
      ).resolves.toBeUndefined();
    },
    IS_SOAK ? 600_000 : 10_000,
  );
});
