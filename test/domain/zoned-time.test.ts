import { describe, expect, test } from '@jest/globals';
import { IANAZone } from 'luxon';
import { zonedTime, zoneNamed } from '../../src/domain/zoned-time.js';

describe('a time in a zone', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-10-25T01:00:00Z'],
    // Half an hour of daylight saving, and a change that is no multiple of a quarter of an hour.
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
    ['Africa/Monrovia', '1972-01-07T00:44:30Z'],
  ])('has the offset of %s in the seconds around a change of its clocks at %s', (name, change) => {
    const changeMs = Date.parse(change);
    const zone = IANAZone.create(name);
    expect(zone.offset(changeMs - 1000)).not.toBe(zone.offset(changeMs));
    // Twice: what was asked before must not be answered for another moment.
    for (const seconds of [-900, -1, 0, 1, 899, 900, -900, -1, 0, 1]) {
      const epochMs = changeMs + seconds * 1000;
      expect(zonedTime(epochMs, name).offset).toBe(zone.offset(epochMs));
    }
  });

  test('is written with Z in UTC and with English names everywhere', () => {
    expect(zonedTime(0, 'UTC').toISO()).toBe('1970-01-01T00:00:00.000Z');
    expect(zonedTime(0, 'Asia/Tokyo').toFormat('cccc d MMMM ZZ')).toBe('Thursday 1 January +09:00');
  });

  test('is none in a zone that does not exist', () => {
    expect(zoneNamed('Mars/Olympus').isValid).toBe(false);
    expect(zonedTime(0, 'Mars/Olympus').isValid).toBe(false);
  });
});
