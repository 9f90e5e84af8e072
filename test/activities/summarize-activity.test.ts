import { describe, expect, test } from '@jest/globals';
import { summarizeActivities, summarizeActivity } from '../../src/activities/summarize-activity.js';
import type { Metadata } from '../../src/domain/file-metadata.js';
import { dataset } from '../record/sample-record.js';

function datasetWith(metadata: Metadata, timeNs = 0n, location = '/a') {
  return dataset({ metadata, timeNs, location });
}

describe('setup parameters', () => {
  test('are what is present and equal in every dataset; a key missing later is not common', () => {
    const { setup, datasets } = summarizeActivity(0, [
      datasetWith({ a: { value: 1 }, b: { value: 2 }, c: { value: 3 } }, 1n),
      datasetWith({ a: { value: 1 }, c: { value: 4 } }, 2n),
      datasetWith({ a: { value: 1 }, b: { value: 2 }, d: { value: 9 } }, 3n),
    ]);
    expect(setup).toStrictEqual({ a: { value: 1 } });
    expect(datasets.map((one) => Object.keys(one.metadata))).toStrictEqual([
      ['b', 'c'],
      ['c'],
      ['b', 'd'],
    ]);
  });

  test('of a single dataset are none', () => {
    const { setup, datasets } = summarizeActivity(0, [datasetWith({ a: { value: 1 } })]);
    expect(setup).toStrictEqual({});
    expect(datasets[0]?.metadata).toStrictEqual({ a: { value: 1 } });
  });

  test.each<[string, Metadata, Metadata, boolean]>([
    ['float noise', { a: { value: 6e-6 } }, { a: { value: 6.000000000000001e-6 } }, true],
    ['another number', { a: { value: 6e-6 } }, { a: { value: 6.1e-6 } }, false],
    ['another unit', { a: { value: 1, unit: 'nm' } }, { a: { value: 1, unit: 'm' } }, false],
    ['number and text', { a: { value: 1 } }, { a: { value: '1' } }, false],
    ['number and truth', { a: { value: 1 } }, { a: { value: true } }, false],
    ['not a number', { a: { value: Number.NaN } }, { a: { value: Number.NaN } }, true],
    ['equal lists', { a: { value: [1, 2] } }, { a: { value: [1, 2] } }, true],
    ['a longer list', { a: { value: [1, 2] } }, { a: { value: [1, 2, 3] } }, false],
    ['list and text', { a: { value: ['1'] } }, { a: { value: '1' } }, false],
    ['a name of every object', { toString: { value: 1 } }, {}, false],
  ])('%s', (_, first, second, common) => {
    const { setup } = summarizeActivity(0, [datasetWith(first, 1n), datasetWith(second, 2n)]);
    expect(Object.keys(setup)).toHaveLength(common ? 1 : 0);
  });

  test('keep the warning of any dataset', () => {
    const { setup } = summarizeActivity(0, [
      datasetWith({ a: { value: 1 } }, 1n),
      datasetWith({ a: { value: 1, warning: true } }, 2n),
    ]);
    expect(setup).toStrictEqual({ a: { value: 1, warning: true } });
  });
});

describe('activities', () => {
  test('order their datasets by time, then location, and span first to last in milliseconds', () => {
    const datasets = [
      datasetWith({}, 5_999_999_999n, '/b'),
      datasetWith({}, 1_000_000n, '/c'),
      datasetWith({}, 1_000_000n, '/a'),
      datasetWith({}, 9_000_000_000n, '/z'),
    ];
    const activities = summarizeActivities(datasets, [[0, 1, 2], [3]]);
    expect(activities[0]?.datasets.map((one) => one.location)).toStrictEqual(['/a', '/c', '/b']);
    expect(activities[0]).toMatchObject({ seqno: 0, startMs: 1, endMs: 5999 });
    expect(activities[1]).toMatchObject({ seqno: 1, startMs: 9000, endMs: 9000 });
  });
});
