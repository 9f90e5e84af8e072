import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { isAppError } from '../../src/errors.js';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { buildHdf5 } from '../support/build-hdf5.js';
import { MemoryFile } from '../support/memory-file.js';
import { describeWithSamples, samplePath, sampleReference } from '../support/samples.js';
import { seededRandom } from '../support/seeded-random.js';

const SEED = 20_261_121;
/** Damaged copies a file. */
const COPIES = process.env['SOAK'] === '1' ? 400 : 6;
const CONTEXT = { timezone: 'UTC', previews: true };

/** Files that h5wasm cannot write, made with h5py and packed twice with zlib. */
const MADE_WITH_H5PY = {
  /** /v takes values of /secret in /other.h5, /self those of itself. */
  virtual:
    'eNqruPX6S0Hh46eTHiU9e5DQ0Pg/4IAC40Nph6Oy1tY3/9rGNM0QUctLPuN2TNTH6YRUYkN3Z+PExsbedkYPw2mybVKHj/E/2iyy/NmSu+ktXTONJrDPu3PlBl/ZJKVdkyUkJEMlJGbMkJCMXJC1c4GJ1fyZ7Y2BDC+qPRgsDDYwxZ49c/Qge8hJHtEUht3FvIcnMLmfLzx3VNJM6cCGxJSUJ0rKOjMcjsi1KfLW3UudecCAy+2ghgSrsuQO69+/G7TNGZd08XEcSuBKYPr1U1VypWuV5DKeoytPuq5U5TnjMWlDFuOx6Q6PDzOoC9yvjZ3Du9al4QDrXTlbtoDDDOtfMgWYKU9aeWmOtZjy7ZQD9lLbFyeI9DQFQq2Acxh5GBgUAwJ2AwAr3XrV',
  /** /passwd has its values in /etc/passwd. */
  outside:
    'eNoBsgBN/3ja6/RwcePlkuJi5uBggIH/UMDOBOEbQMU/Pb1q7u/hEsSkMHEbYzYyrmASQtYIA1xMDIwMDGyCDECKrSCxuLg85TDMEmcGagDJgzO5wU5iZGBkVGFgYGJiZBSByuGimXkYGAUYQG4CAQ4GVqArmbnYNYAmgEUZGc5DpBg40GybABMH+paFEeZLmChDDcOAgiMMCss8XB0DQGwJqBjMae8ZUdXqp5Yk60NiBMwHAN7wPx1OhUuS',
  /** /d lies in a single chunk of 256 MiB. */
  chunk:
    'eNoBlABr/3ja6/RwcePlkuJi5uBggIH/UHCeEcI3gIq3T3HV8/dwCWJS2LidMRsZVzAJIWuEAS4mBqARbDwMQIox5TDMfA8GqoGeqpdpYCcBLWBUYWBgYmJkZHCASuKgmXkYGAUYQG4CAQ4GVqArmZm5gaIgzSDIAhJXYGBgYWJiZgJqcwAKgvyD7keGLoZBBNo9Lf8DAKn0Px56Mj1s',
  /** /d is 64 x 64 bytes, and unpacks to a gibibyte. */
  bomb: 'eNqruPX2jmF3TKhEw8PidDOjnEd5Ijk8Tly3HaQUezc0bshLF1jrrKCguEQkaGbDsg0CW76ERxzVaprk9oc5a9WfhoTEptATVsZvkmY1tC4489vGIOYZT/m7h9lsfId/Hz249G/49vt35umLPb7xcOJv//Lr78/Lr62v2fD5yd9mb/kz5+r+3i15fPT62puv9e9V5FSbLTOMszSdNv3lrebH7+0l/s/6q94vt2b7lpoDX75JbL5p8la29tum13+uzPDrvzovTOzxkaLpn3+efPrq07OrfsevZf1da7gtbfPPLdvNfb/Lv//398xjx1rLf/H7fv577s/O8Ed4u5zdv8Kov0L3fr76uX2//jZfFgYGBrO7c+/bzV7ff/S83L9N9T+VgUIJl2Pv3r0ZJc9ls7vo2aJCoMiBY7t/v2u9/Lqe40/h72fTIELVj8+7V7/e3DCf7/3ebwsrwWK/Qw2ANEMQCzOQXOAK5kSBOQpuSJxRmVGZUZlRmVGZURmCMuvev9MJS2ecb7/378nqx/bfzvE/P/ZFnFf4aQkAntJfvA==',
};

function unpacked(name: keyof typeof MADE_WITH_H5PY): Buffer {
  return inflateSync(inflateSync(Buffer.from(MADE_WITH_H5PY[name], 'base64')));
}

function read(bytes: Buffer, limitBytes = Infinity): Promise<ExtractedFile> {
  const file = new MemoryFile('a.h5', bytes, 0, limitBytes);
  return Promise.resolve(hdf5Extractor.extract(file, CONTEXT));
}

/** What drawing the first signal throws. */
function previewFailure({ signals }: ExtractedFile): unknown {
  try {
    return signals[0]?.previewOf?.();
  } catch (error) {
    return error;
  }
}

describe('what points out of the file', () => {
  // The first test: the library is made by it, and would print what fails on the console of this moment.
  test('is not read by datasets whose values are in another file, and the failure is not printed', async () => {
    const printed = [
      jest.spyOn(console, 'error').mockReturnValue(),
      jest.spyOn(console, 'log').mockReturnValue(),
    ];
    const extracted = await read(unpacked('outside'));
    expect(extracted.tags).toEqual({ passwd: '[20 x 20 uint8]' });
    expect(previewFailure(extracted)).toMatchObject({
      code: 'FORMAT_INVALID',
      message: expect.stringContaining('unable to open external raw data file') as unknown,
    });
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test('is not followed by links', async () => {
    const { tags, signals } = await read(
      await buildHdf5((file) => {
        file.create_dataset({ name: 'own', data: new Float32Array(6), shape: [2, 3] });
        file.create_external_link('/etc/passwd', '/', 'outside');
        file.create_external_link('/dev/stdin', '/x', 'input');
        file.create_soft_link('/nothing', 'dangling');
      }),
    );
    expect(signals).toMatchObject([{ title: '/own' }]);
    expect(tags).toEqual({
      dangling: '-> /nothing',
      input: '-> /dev/stdin:/x',
      outside: '-> /etc/passwd:/',
      own: [0, 0, 0, 0, 0, 0],
    });
  });

  test('is not read by datasets put together from others, nor by one put together from itself', async () => {
    const extracted = await read(unpacked('virtual'));
    expect(extracted.signals).toMatchObject([{ title: '/v', shape: [4, 10] }]);
    expect(extracted.warnings).toHaveLength(2);
    expect(previewFailure(extracted)).toMatchObject({
      code: 'FORMAT_INVALID',
      message: expect.stringContaining('not followed') as unknown,
    });
  });
});

describe('structures without end', () => {
  test('a group that holds the root and itself is shown once', async () => {
    const { tags, signals } = await read(
      await buildHdf5((file) => {
        const group = file.create_group('a');
        file.create_hard_link('/', '/a/root');
        file.create_hard_link('/a', '/a/again');
        group.create_dataset({ name: 'x', data: new Float32Array([1, 2]) });
        file.create_soft_link('/b', 'c');
        file.create_soft_link('/c', 'b');
      }),
    );
    expect(signals).toHaveLength(1);
    expect(tags).toEqual({
      a: { again: '= /a', root: '= /', x: [1, 2] },
      b: '-> /c',
      c: '-> /b',
    });
  });

  test('what is nested too deeply is cut, and said', async () => {
    const { warnings } = await read(
      await buildHdf5((file) => {
        file.create_dataset({ name: 'x', data: new Float32Array(4) });
        let group = file.create_group('g');
        for (let depth = 0; depth < 60; depth += 1) group = group.create_group('g');
      }),
    );
    expect(warnings).toEqual([expect.stringContaining('nested too deeply')]);
  });
});

describe('more than there is memory for', () => {
  test('a dataset of 2^33 values is sampled', async () => {
    const extracted = await read(
      await buildHdf5((file) => {
        const data = new Uint16Array([7]);
        const set = file.create_dataset({ name: 'd', data, maxshape: [null], chunks: [1024] });
        set.resize([2 ** 33]);
      }),
    );
    expect(extracted.signals).toMatchObject([{ shape: [2 ** 33], dtype: 'uint16' }]);
    const source = extracted.signals[0]?.previewOf?.();
    if (source?.kind !== 'spectrum') throw new Error('no curve');
    expect(source.values).toHaveLength(2048);
    expect(source.values[0]).toBe(7);
  });

  test('a picture of 200,000 x 200,000 pixels is reduced to a few rows', async () => {
    const extracted = await read(
      await buildHdf5((file) => {
        const set = file.create_dataset({
          name: 'd',
          data: new Uint16Array([7]),
          shape: [1, 1],
          maxshape: [null, null],
          chunks: [64, 64],
        });
        set.resize([200_000, 200_000]);
      }),
    );
    const source = extracted.signals[0]?.previewOf?.();
    if (source?.kind !== 'image') throw new Error('no picture');
    expect(source.width * source.height).toBeLessThan(3000 * 3000);
  });

  test('chunks of 256 MiB are refused', async () => {
    const extracted = await read(unpacked('chunk'));
    expect(previewFailure(extracted)).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('in chunks of 268435456 bytes') as unknown,
    });
  });

  test('a chunk that unpacks to more than it says costs the preview, and no other file', async () => {
    const bomb = await read(unpacked('bomb'));
    expect(bomb.signals).toMatchObject([{ shape: [64, 64], dtype: 'uint8' }]);
    expect(previewFailure(bomb)).toMatchObject({ code: 'FORMAT_INVALID' });
    const next = await read(
      await buildHdf5((file) => {
        file.create_dataset({ name: 'd', data: new Uint8Array([1, 2, 3]) });
      }),
    );
    expect(next.signals[0]?.previewOf?.()).toMatchObject({ kind: 'spectrum' });
  });

  test('no more is read than is allowed', async () => {
    const bytes = await buildHdf5((file) => {
      file.create_dataset({ name: 'd', data: new Float64Array(100_000) });
    });
    const extracted = await read(bytes, 50_000);
    expect(previewFailure(extracted)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(read(bytes, 100)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe('damaged files', () => {
  test('texts whose heap has no end are refused', async () => {
    const bytes = await buildHdf5((file) => {
      file.create_attribute('file_format', 'HyperSpy');
      file.create_dataset({ name: 't', data: ['one', 'two'] });
      file.create_dataset({ name: 'd', data: new Float32Array(4) });
    });
    const heap = bytes.indexOf('GCOL');
    expect(heap).toBeGreaterThan(0);
    // The free space at the end of the heap says that it has no length: the library would look there forever.
    let at = heap + 16;
    while (bytes.readUInt16LE(at) !== 0) at += 16 + Math.ceil(bytes.readUInt32LE(at + 8) / 8) * 8;
    bytes.writeBigUInt64LE(0n, at + 8);
    const { format, signals, tags, warnings } = await read(bytes);
    expect(format).toBe('HDF5');
    expect(signals).toMatchObject([{ title: '/d' }]);
    expect(tags).toMatchObject({ '@file_format': '[unreadable]', d: [0, 0, 0, 0] });
    expect(warnings).toEqual([expect.stringContaining('damaged: object 0')]);
  });

  test('cut anywhere they are read or refused', async () => {
    const bytes = await buildHdf5((file) => {
      file.create_attribute('a', 'text');
      file.create_dataset({ name: 't', data: ['one', 'two'] });
      file.create_dataset({ name: 'd', data: new Float32Array(12), shape: [3, 4] });
    });
    let refused = 0;
    for (let length = 0; length < bytes.length; length += 97) {
      if (!(await readsOrRefuses('cut.h5', bytes.subarray(0, length), `cut at ${length}`))) {
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(await readsOrRefuses('whole.h5', bytes, 'nothing')).toBe(true);
  });
});

/** Anything but a result or an AppError of the file is a defect. */
async function readsOrRefuses(name: string, bytes: Buffer, damage: string): Promise<boolean> {
  const file = new MemoryFile(name, bytes, 0, 4 * bytes.length + 64 * 1024 * 1024);
  try {
    const { signals, tags } = await hdf5Extractor.extract(file, CONTEXT);
    JSON.stringify([signals, tags]);
    for (const signal of signals) signal.previewOf?.();
    return true;
  } catch (error) {
    if (!isAppError(error) || !['FORMAT_INVALID', 'LIMIT_EXCEEDED'].includes(error.code)) {
      throw new Error(`${name}, seed ${SEED}, ${damage}`, { cause: error });
    }
    return false;
  }
}

describeWithSamples(`damaged HDF5 samples (seed ${SEED})`, () => {
  const names = sampleReference((name) => /\.(emd|hspy|hdf5|nxs)$/.test(name)).map(
    ([name]) => name,
  );

  test.each(names.map((name, index) => [name, SEED + index] as const))(
    '%s, cut and with bytes changed, is read or refused',
    async (name, seed) => {
      const bytes = readFileSync(samplePath(name));
      const random = seededRandom(seed);
      const below = (limit: number): number => Math.floor(random() * limit);
      for (let copy = 0; copy < COPIES; copy += 1) {
        const length = below(bytes.length);
        await readsOrRefuses(name, bytes.subarray(0, length), `cut at ${length}`);
        const changed = Buffer.from(bytes);
        const changes: string[] = [];
        for (let change = below(6); change >= 0; change -= 1) {
          // Most of them near the beginning, where the structure is dense.
          const at = below(below(3) > 0 ? Math.min(bytes.length, 20_000) : bytes.length);
          changed[at] = below(2) === 0 ? 0xff : below(256);
          changes.push(`${at} is ${changed[at]}`);
        }
        await readsOrRefuses(name, changed, `bytes changed: ${changes.join(', ')}`);
      }
      expect(COPIES).toBeGreaterThan(0);
    },
    process.env['SOAK'] === '1' ? 600_000 : 20_000,
  );
});
