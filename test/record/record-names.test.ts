import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/errors.js';
import { invalidPaths, publicPaths, versionPaths } from '../../src/record/record-names.js';
import { buildRecord } from '../../src/record/record-model.js';
import { instrument, nameInput, recordInput } from './sample-record.js';

const fingerprint = '0123456789abcdef'.repeat(4);

describe('public names', () => {
  test('have date of START in the zone of the instrument, instrument and usage event id', () => {
    expect(publicPaths(nameInput)).toStrictEqual({
      xml: '2023/2023-09-14_FEI-Titan-TEM_42.xml',
      json: '2023/2023-09-14_FEI-Titan-TEM_42.json',
    });
    const newYear = { ...nameInput, startMs: Date.UTC(2024, 0, 1, 4, 59) };
    expect(publicPaths(newYear).xml).toBe('2023/2023-12-31_FEI-Titan-TEM_42.xml');
  });

  test('end in the session key where there is no usage event id', () => {
    const input = { ...nameInput, sessionIdentifier: 'b3f1-77' };
    expect(publicPaths(input).xml).toBe('2023/2023-09-14_FEI-Titan-TEM_mfzwizltoq2dcnrx.xml');
  });

  test('lie in one folder in the flat layout', () => {
    expect(publicPaths({ ...nameInput, layout: 'flat' }).xml).toBe(
      '2023-09-14_FEI-Titan-TEM_42.xml',
    );
  });

  test.each(['../../etc', 'a/b\\c', 'Prüf stand\n', '\u0000', 'con:*?"<>|'])(
    'encode what is unsafe in a file name: %j',
    (instrumentPid) => {
      const [folder, name, ...rest] = publicPaths({ ...nameInput, instrumentPid }).xml.split('/');
      expect(folder).toBe('2023');
      expect(rest).toStrictEqual([]);
      expect(name).toMatch(/^[A-Za-z0-9._~%-]+$/);
      expect(decodeURIComponent(name ?? '')).toBe(`2023-09-14_${instrumentPid}_42.xml`);
    },
  );

  test('end at 255 bytes, told apart by the hash of the identifier', () => {
    const long = { ...nameInput, instrumentPid: 'ü'.repeat(200) };
    const name = publicPaths(long).json.slice(5);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(() => decodeURIComponent(name.replace(/_[0-9a-f]{8}\.json$/, ''))).not.toThrow(
      TypeError,
    );
    const other = publicPaths({ ...long, sessionIdentifier: 'x' }).json.slice(5);
    expect(other).not.toBe(name);
  });

  test('get 8 hex digits of the identifier on a collision', () => {
    expect(publicPaths({ ...nameInput, collides: true }).xml).toMatch(
      /^2023\/2023-09-14_FEI-Titan-TEM_42_[0-9a-f]{8}\.xml$/,
    );
  });
});

describe('names of versions', () => {
  test('differ by session and by content, and fit', () => {
    const one = versionPaths(nameInput, fingerprint).xml;
    expect(
      versionPaths(
        { ...nameInput, sessionIdentifier: 'https://other/usage_events/?id=42' },
        fingerprint,
      ).xml,
    ).not.toBe(one);
    expect(versionPaths(nameInput, 'f'.repeat(64)).xml).not.toBe(one);
    const long = { ...nameInput, instrumentPid: 'x'.repeat(300) };
    for (const paths of [versionPaths(long, fingerprint), invalidPaths(long, fingerprint)]) {
      expect(paths.json.split('/').at(-1)).toHaveLength(255);
    }
  });
});

describe('the record as a value', () => {
  test('has a title from the template, in the zone of the instrument', () => {
    const details = null;
    const titleTemplate = '{instrument_pid}/{date}/{user}';
    expect(buildRecord(recordInput({ details }), { titleTemplate }).title).toBe(
      'FEI-Titan-TEM/2023-09-14/ada',
    );
    const tokyo = { ...instrument, timezone: 'Asia/Tokyo', displayName: 'J' };
    const late = recordInput({ details, instrument: tokyo });
    expect(buildRecord(late, { titleTemplate: '{date}' }).title).toBe('2023-09-14');
    expect(() => buildRecord(late, { titleTemplate: '{when}' })).toThrow(AppError);
  });

  test('has the reservation id, else the usage event id, else the key', () => {
    const input = recordInput();
    const { details, session } = input;
    if (details === null) throw new Error('The sample has details.');
    expect(buildRecord({ ...input, details: { ...details, reservationId: '7' } }).id).toBe('7');
    expect(buildRecord(input).id).toBe('42');
    expect(buildRecord({ ...input, session: { ...session, identifier: 'x' } }).id).toBe(
      session.key,
    );
  });

  test('identifies samples by what they are, also equal ones, and says what is no element', () => {
    const input = recordInput();
    const { details } = input;
    if (details === null) throw new Error('The sample has details.');
    const sample = { ref: null, name: 'A', description: null, elements: ['fe', 'Kryptonite'] };
    const build = (names: readonly string[]) =>
      buildRecord({
        ...input,
        details: { ...details, samples: names.map((name) => ({ ...sample, name })) },
      });
    const [a, again, b] = build(['A', 'A', 'B']).samples;
    expect(new Set([a?.id, again?.id, b?.id]).size).toBe(3);
    expect(build(['B', 'A']).samples[1]?.id).toBe(a?.id);
    expect(build(['A']).notes[0]?.paragraphs).toStrictEqual([
      'Sample A: not chemical symbols: Kryptonite',
    ]);
  });
});
