import { describe, expect, test } from '@jest/globals';
import { dmAcquisitionTime } from '../../src/extract/formats/dm/dm-time.js';
import type { DmGroup, DmValue } from '../../src/extract/formats/dm/dm-tree.js';

type Tags = { readonly [name: string]: Tags | DmValue };

function group(tags: Tags): DmGroup {
  return {
    kind: 'group',
    entries: new Map(
      Object.entries(tags).map(([name, value]) => [
        name,
        typeof value === 'object' ? group(value as Tags) : value,
      ]),
    ),
  };
}

function timeOf(tags: Tags, mtime = '1970-01-01T00:00:00Z', timezone = 'Europe/London') {
  const found = dmAcquisitionTime(group(tags), Date.parse(mtime), { timezone });
  return found.kind === 'known' ? found.time.iso : found.kind;
}

function dataBar(date: string, time: string, more: Tags = {}): Tags {
  return { DataBar: { 'Acquisition Date': date, 'Acquisition Time': time, ...more } };
}

describe('the acquisition time of DigitalMicrograph files', () => {
  test.each([
    ['27.08.2016', '20:54:33', '2016-08-27T20:54:33+01:00'],
    ['7.9.2014', '8:05:00', '2014-09-07T08:05:00+01:00'],
    ['27/08/2016', '08:55:59 p.m.', '2016-08-27T20:55:59+01:00'],
    ['27/08/2016', '08:55:59\u202fp.\u00a0m.', '2016-08-27T20:55:59+01:00'],
    ['5/14/2021', '11:41:07 AM', '2021-05-14T11:41:07+01:00'],
    ['12/31/2021', '12:00:01 AM', '2021-12-31T00:00:01+00:00'],
    ['12/31/2021', '12:00:01 pm', '2021-12-31T12:00:01+00:00'],
    ['8/8/2016', '4:26:37 PM', '2016-08-08T16:26:37+01:00'],
    ['2016-08-27', '20:54:33', '2016-08-27T20:54:33+01:00'],
    ['2016/8/27', '20:54', '2016-08-27T20:54:00+01:00'],
    ['27. 8. 2016', '20.54.33', '2016-08-27T20:54:33+01:00'],
    ['27-08-16', '20:54:33', '2016-08-27T20:54:33+01:00'],
  ])('%s %s is read', (date, time, expected) => {
    expect(timeOf(dataBar(date, time))).toBe(expected);
  });

  test.each([
    ['7/9/2014', '6:56:37 PM'],
    ['09/11/2020', '17:04:19'],
    ['13/13/2020', '17:04:19'],
    ['30/02/2020', '17:04:19'],
    ['27/08/2016', '25:00:00'],
    ['27/08/2016', '13:00:00 PM'],
    ['yesterday', 'noon'],
  ])('%s %s is not guessed', (date, time) => {
    expect(timeOf(dataBar(date, time))).toBe('unclear');
  });

  test('day and month are told apart by the modification time when it is near to one of them', () => {
    const tags = dataBar('7/9/2014', '6:56:37 PM');
    expect(timeOf(tags, '2014-07-09T19:00:00Z')).toBe('2014-07-09T18:56:37+01:00');
    expect(timeOf(tags, '2014-09-08T05:00:00Z')).toBe('2014-09-07T18:56:37+01:00');
    expect(timeOf(tags, '2014-10-08T05:00:00Z')).toBe('unclear');
  });

  test("day and month are told apart by DigiScan's time stamp", () => {
    const stamp = { DigiScan: { TimeStamp: 'Sun Sep 07 18:56:20 2014\u2028' } };
    expect(timeOf({ ...dataBar('7/9/2014', '6:56:37 PM'), ...stamp })).toBe(
      '2014-09-07T18:56:37+01:00',
    );
    expect(timeOf(stamp)).toBe('2014-09-07T18:56:20+01:00');
  });

  test("the system's own time wins over texts, whatever their zone", () => {
    const filetime = 131_168_012_738_544_500n;
    const tags = dataBar('1/2/1999', 'x', { 'Acquisition Time (OS)': filetime });
    expect(timeOf(tags, undefined, 'America/New_York')).toBe('2016-08-27T15:54:33.854-04:00');
    const asNumber = dataBar('1/2/1999', 'x', { 'Acquisition Time (OS)': Number(filetime) });
    expect(timeOf(asNumber)).toBe('2016-08-27T20:54:33.854+01:00');
  });

  test.each([[0], [-5], [NaN], [Infinity], [1e300], [12]])(
    'a system time of %p was never set: the texts are read',
    (filetime) => {
      expect(timeOf(dataBar('5/14/2021', '11:41:07', { 'Acquisition Time (OS)': filetime }))).toBe(
        '2021-05-14T11:41:07+01:00',
      );
    },
  );

  test.each(['EELS', 'EDS', 'CL', 'SI'])(
    'the start of a %s acquisition stands in for it',
    (technique) => {
      const tags = {
        [technique]: { Acquisition: { Date: '14/05/2019', 'Start time': '20:50:13' } },
      };
      expect(timeOf(tags)).toBe('2019-05-14T20:50:13+01:00');
    },
  );

  test('serial cathodoluminescence has its begin in one text', () => {
    const tags = { CL: { Acquisition: { 'Acquisition begin': '17/01/2022 16:01:14 ' } } };
    expect(timeOf(tags)).toBe('2022-01-17T16:01:14+00:00');
  });

  test('a file that says nothing has none', () => {
    expect(timeOf({})).toBe('absent');
  });
});
