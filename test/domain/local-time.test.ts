import { describe, expect, test } from '@jest/globals';
import { readTime } from '../../src/domain/local-time.js';

const berlin = { zone: 'Europe/Berlin' };

function utc(text: string, options: Parameters<typeof readTime>[1] = berlin): string {
  return new Date(readTime(text, options).epochMs).toISOString();
}

describe('reading a time', () => {
  test.each([
    ['2026-03-01T14:30:00+01:00', '2026-03-01T13:30:00.000Z'],
    ['2026-03-01 14:30:00.123456-0500', '2026-03-01T19:30:00.123Z'],
    ['2026-03-01 14:30:00.123 -05:00', '2026-03-01T19:30:00.123Z'],
    ['2026-03-01T14:30:00,5Z', '2026-03-01T14:30:00.500Z'],
    ['  2026-03-01T14:30+02', '2026-03-01T12:30:00.000Z'],
    ['2026-03-01T14:30:00', '2026-03-01T13:30:00.000Z'],
    ['2026-07-01 14:30:00', '2026-07-01T12:30:00.000Z'],
    ['2026-07-01', '2026-06-30T22:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect(utc(text)).toBe(expected);
  });

  test.each([
    '',
    'yesterday',
    '2026-02-30T10:00:00Z',
    '2026-13-01T00:00:00',
    '2026-01-01T25:00:00',
    '1772366400',
    '2026-03-01T14:30:00+99:99',
    '2026-03-01T14:30:00-24:00',
    '2026-03-01T14:30:00+01:60',
  ])('refuses %j', (text) => {
    expect(() => readTime(text, berlin)).toThrow(expect.objectContaining({ code: 'TIME_INVALID' }));
  });

  test('refuses an unknown zone', () => {
    expect(() => readTime('2026-03-01T14:30:00', { zone: 'Mars/Olympus' })).toThrow(
      expect.objectContaining({ code: 'TIME_INVALID' }),
    );
  });

  test('takes the earlier of two readings at the end of daylight saving, with a warning', () => {
    const read = readTime('2026-10-25T02:30:00', berlin);
    expect(new Date(read.epochMs).toISOString()).toBe('2026-10-25T00:30:00.000Z');
    expect(read.warning).toContain('twice');
  });

  test('takes the later one when the earlier would put END before START', () => {
    const startMs = Date.parse('2026-10-25T00:45:00Z');
    expect(utc('2026-10-25T02:30:00', { ...berlin, notBeforeMs: startMs })).toBe(
      '2026-10-25T01:30:00.000Z',
    );
  });

  test('moves a time in the spring gap forward, with a warning', () => {
    const read = readTime('2026-03-29T02:30:00', berlin);
    expect(new Date(read.epochMs).toISOString()).toBe('2026-03-29T01:30:00.000Z');
    expect(read.warning).toContain('03:30:00+02:00');
  });

  test('reads the half-hour zone of Lord Howe at both changes', () => {
    const zone = { zone: 'Australia/Lord_Howe' };
    expect(utc('2026-04-05T01:45:00', zone)).toBe('2026-04-04T14:45:00.000Z');
    expect(utc('2026-10-04T02:15:00', zone)).toBe('2026-10-03T15:45:00.000Z');
  });
});
