import { describe, expect, test } from '@jest/globals';
import { decodeLocation, encodeLocation } from '../../src/domain/location.js';
import {
  lastPart,
  pathBelow,
  previewLocation,
  sidecarLocation,
} from '../../src/extract/output-locations.js';
import { stableJson } from '../../src/extract/stable-json.js';

describe('JSON of sidecars', () => {
  test('keys are sorted by code unit, also those that look like numbers', () => {
    expect(stableJson({ b: 1, 10: 2, 9: 3, B: { z: 1, a: [] } })).toBe(
      '{"10":2,"9":3,"B":{"a":[],"z":1},"b":1}',
    );
  });

  test('the order in which keys were set does not matter', () => {
    expect(stableJson({ a: 1, b: 2 })).toBe(stableJson({ b: 2, a: 1 }));
  });

  test('a map is an object', () => {
    const tags = {
      b: 1,
      a: new Map([
        ['__proto__', 2],
        ['10', 3],
      ]),
    };
    expect(stableJson(tags)).toBe('{"a":{"10":3,"__proto__":2},"b":1}');
  });

  test('what JSON cannot hold becomes text or nothing', () => {
    const hostile = {
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      large: 2n ** 64n,
      pixels: new Uint8Array(12),
      nothing: undefined,
      call: () => 1,
      list: [undefined, null],
      negativeZero: -0,
    };
    expect(JSON.parse(stableJson(hostile))).toStrictEqual({
      nan: 'NaN',
      infinite: '-Infinity',
      large: '18446744073709551616',
      pixels: '(12 bytes left out)',
      list: [null, null],
      negativeZero: 0,
    });
  });

  test('control characters and lone surrogates are escaped', () => {
    expect(stableJson('a\u0000b\ud800')).toBe('"a\\u0000b\\ud800"');
  });

  test('a key named __proto__ is kept', () => {
    const tags: unknown = JSON.parse('{"__proto__":{"x":1},"a":2}');
    expect(stableJson(tags)).toBe('{"__proto__":{"x":1},"a":2}');
  });

  test('a structure within itself ends', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(stableJson(loop)).toContain('(nested too deeply)');
  });

  test('more than can be kept is LIMIT_EXCEEDED', () => {
    const large = 'x'.repeat(40 * 1024 * 1024);
    expect(() => stableJson([large, large])).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });
});

describe('names of sidecars and previews', () => {
  test('follow the tree of the file store', () => {
    expect(sidecarLocation('/tem/2024/map.dm3')).toBe('/tem/2024/map.dm3.json');
    expect(previewLocation('/tem/2024/map.dm3', 0, 1)).toBe('/tem/2024/map.dm3.thumb.png');
    expect(previewLocation('/tem/2024/map.dm3', 1, 3)).toBe('/tem/2024/map.dm3_signal2.thumb.png');
    expect(lastPart('/tem/2024/map.dm3.thumb.png')).toBe('map.dm3.thumb.png');
  });

  test('are cut at 255 bytes without meeting another and without halves of characters', () => {
    const long = `/a/${encodeLocation('é'.repeat(127))}`;
    const other = `/a/${encodeLocation(`${'é'.repeat(126)}ü`)}`;
    for (const place of [sidecarLocation(long), previewLocation(long, 99, 100)]) {
      const name = decodeLocation(lastPart(place));
      expect(name.length).toBeLessThanOrEqual(255);
      expect(name.length).toBeGreaterThan(250);
      expect(name.toString('utf8')).not.toContain('\ufffd');
      expect(name.toString('utf8')).toMatch(/-[0-9a-f]{8}(_signal100\.thumb\.png|\.json)$/);
    }
    expect(sidecarLocation(long)).not.toBe(sidecarLocation(other));
  });

  test('bytes that are not UTF-8 are kept', () => {
    expect(decodeLocation(sidecarLocation('/a/caf%E9.tif'))).toStrictEqual(
      Buffer.from('/a/caf\u00e9.tif.json', 'latin1'),
    );
  });

  test('a file named like the preview of another file does not get its name', () => {
    expect(previewLocation('/a/scan_signal2', 0, 1)).not.toBe(previewLocation('/a/scan', 1, 2));
    expect(previewLocation('/a/scan_signal2', 0, 1)).toMatch(
      /^\/a\/scan_signal2-[0-9a-f]{8}\.thumb\.png$/,
    );
  });

  test.each(['/../x', '/a/../../x', '/a/%2E%2E/x', '/a%00b', 'x', '/./x', '/a%2F..%2Fx'])(
    '%s leads out of the folder and is refused',
    (location) => {
      expect(() => pathBelow('/staging', location)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      );
    },
  );
});
