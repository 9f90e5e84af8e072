import { describe, expect, test } from '@jest/globals';
import { describeOrigin } from '../../src/config/config-origin.js';
import {
  effectiveAutoClose,
  instrumentPcSourcesOf,
} from '../../src/config/effective-auto-close.js';
import { effectiveBuildSettings } from '../../src/config/effective-build-settings.js';
import { configSchema } from '../../src/config/schema.js';

const config = configSchema.parse({ build: { file_delay_days: 5 } });

describe('effectiveBuildSettings', () => {
  test('an instrument overrides single keys and keeps the others', () => {
    const { settings, origins } = effectiveBuildSettings(
      config,
      { build: { strategy: 'inclusive', clustering: { sensitivity: 0 } } },
      new Map([['build.file_delay_days', { kind: 'file', file: '/c.yaml', line: 2 } as const]]),
    );
    expect(settings.strategy).toBe('inclusive');
    expect(settings.clustering).toStrictEqual({ sensitivity: 0, min_gap_s: 120, strict: false });
    expect(settings.file_delay_days).toBe(5);
    const shown = [...origins].map(([key, origin]) => `${key} ${describeOrigin(origin)}`);
    expect(shown).toStrictEqual([
      'build.file_delay_days /c.yaml:2',
      'build.strategy instrument',
      'build.clustering.sensitivity instrument',
    ]);
  });

  test('an instrument says itself what ends its open sessions', () => {
    const [source] = instrumentPcSourcesOf(
      configSchema.parse({ sources: [{ name: 'pcs', kind: 'instrument-pc', idle_minutes: 90 }] }),
    );
    if (source === undefined) throw new Error('There is no source.');
    const settings = { auto_close: 'idle' };
    expect(effectiveBuildSettings(config, settings).settings).toStrictEqual(config.build);
    expect(effectiveAutoClose(source, settings)).toEqual({ auto_close: 'idle', idle_minutes: 90 });
    expect(effectiveAutoClose(source, { idle_minutes: 'long' })).toEqual({
      auto_close: 'off',
      idle_minutes: 90,
    });
  });

  test('no settings leave the configuration as it is', () => {
    expect(effectiveBuildSettings(config, {}).settings).toStrictEqual(config.build);
  });

  test.each([
    [{ build: { stratgy: 'inclusive' } }, /did you mean 'build\.strategy'/],
    [
      { build: { file_delay_days: -1 } },
      /build\.file_delay_days: expected a number \(more than 0\)/,
    ],
    [{ build: { concurrency: 3 } }, /build\.concurrency: holds for the whole process/],
    [{ build: { limits: { readers: 3 } } }, /build\.limits\.readers: holds for the whole process/],
    [{ build: { limits: { file_seconds: 3 } } }, /file_seconds: holds for the whole process/],
    [{ build: { limits: { file_memory_bytes: 3 } } }, /file_memory_bytes: holds for the whole/],
    [{ build: { limits: { look_seconds: 3 } } }, /look_seconds: holds for the whole process/],
    [{ build: { settle_time_s: 7200 } }, /build\.settle_max_s: expected at least as long/],
    [{ biuld: {} }, /did you mean 'build'/],
    [{ auto_close: 'ilde' }, /auto_close: expected off, next-start or idle, found "ilde"/],
    [{ idle_minutes: 0 }, /idle_minutes: expected a number of minutes above 0, found 0/],
    [{ auto_closes: 'off' }, /did you mean 'auto_close'/],
    [{ build: 3 }, /build: expected a group of keys, found 3/],
    ['text', /expected a JSON object/],
  ])('%j is refused', (settings, message) => {
    expect(() => effectiveBuildSettings(config, settings)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });
});
