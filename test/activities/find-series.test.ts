import { describe, expect, test } from '@jest/globals';
import { findSeries, seriesFileName } from '../../src/activities/find-series.js';
import { encodeLocation } from '../../src/domain/location.js';

function members(names: readonly (string | Buffer)[]): { readonly location: string }[] {
  return names.map((name) => ({ location: encodeLocation(name) }));
}

function numbered(count: number, name: (number: string) => string): string[] {
  return Array.from({ length: count }, (_, index) => name(String(index + 1).padStart(3, '0')));
}

/** Names of the series found among these files, and how many each has. */
function seriesOf(
  names: readonly (string | Buffer)[],
  options: Partial<Parameters<typeof findSeries>[1]> = {},
): string[] {
  const { series } = findSeries(members(names), { minFiles: 50, known: [], ...options });
  return series.map(({ members: found }) => {
    const name = seriesFileName(found.map(({ location }) => location));
    return `${name.toString()} ${found.length}`;
  });
}

describe('A numbered series', () => {
  test('is of 50 files or more: 49 are none', () => {
    const names = numbered(50, (number) => `/em/tile_${number}.tif`);
    expect(seriesOf(names)).toEqual(['tile_[001-050].tif 50']);
    expect(seriesOf(names.slice(1))).toEqual([]);
    const { rest } = findSeries(members(names.slice(1)), { minFiles: 50, known: [] });
    expect(rest).toHaveLength(49);
  });

  test('has one folder, one extension and one name but for the number', () => {
    const half = numbered(25, (number) => `/em/tile_${number}.tif`);
    for (const other of [
      numbered(25, (number) => `/em/b/tile_1${number}.tif`),
      numbered(25, (number) => `/em/tile_1${number}.dm3`),
      numbered(25, (number) => `/em/tile_1${number}.TIF`),
      numbered(25, (number) => `/em/Tile_1${number}.tif`),
      numbered(25, (number) => `/em/tile_1${number}b.tif`),
    ]) {
      expect(seriesOf([...half, ...other])).toEqual([]);
    }
    expect(seriesOf([...half, ...numbered(25, (number) => `/em/tile_1${number}.tif`)])).toEqual([
      'tile_[001-1025].tif 50',
    ]);
  });

  test('is not counted by the digits of an extension, of a folder or of a percent escape', () => {
    expect(seriesOf(numbered(60, (number) => `/em/a.${number}`))).toEqual([]);
    expect(seriesOf(numbered(60, (number) => `/em/${number}/a.tif`))).toEqual([]);
    const bytes = Array.from({ length: 60 }, (_, index) => Buffer.from([0x2f, 0xa0 + index]));
    expect(seriesOf(bytes)).toEqual([]);
  });

  test('is found in names that are no UTF-8, without an extension and hidden ones', () => {
    const latin = numbered(60, (number) => `/em/gr\u00f6\u00dfe ${number}.tif`);
    expect(seriesOf(latin)).toEqual(['gr\u00f6\u00dfe [001-060].tif 60']);
    const bytes = latin.map((name) => Buffer.from(name, 'latin1'));
    expect(seriesOf(bytes)).toHaveLength(1);
    expect(seriesOf(numbered(60, (number) => `/em/${number}`))).toEqual(['[001-060] 60']);
    expect(seriesOf(numbered(60, (number) => `/em/.${number}`))).toEqual(['.[001-060] 60']);
  });

  test('is in the order of its numbers, also of numbers of different lengths', () => {
    const names = [...Array(60).keys()].map((number) => `/em/a${number + 95}.tif`).reverse();
    const { series } = findSeries(members(names), { minFiles: 50, known: [] });
    expect(series[0]?.members.map(({ location }) => location)).toEqual(names.toReversed());
    const long = [...Array(60).keys()].map((number) => `/em/9007199254740992${number + 10}.tif`);
    const found = findSeries(members(long.toReversed()), { minFiles: 50, known: [] });
    expect(found.series[0]?.members.map(({ location }) => location)).toEqual(long);
  });

  test('counts by one number: of two that vary the larger series is taken, then the one further back', () => {
    const dates = numbered(60, (number) => `/em/2026-03-02_${number}_x4.tif`);
    expect(seriesOf(dates)).toEqual(['2026-03-02_[001-060]_x4.tif 60']);
    const grid = (rows: number, columns: number): string[] =>
      Array.from(
        { length: rows * columns },
        (_, index) => `/em/r${Math.floor(index / columns)}c${index % columns}.tif`,
      );
    expect(seriesOf(grid(2, 60))).toEqual(['r0c[0-59].tif 60', 'r1c[0-59].tif 60']);
    expect(seriesOf(grid(60, 2))).toEqual(['r[0-59]c0.tif 60', 'r[0-59]c1.tif 60']);
    expect(seriesOf(grid(50, 50))).toHaveLength(50);
    expect(seriesOf(grid(50, 50))[0]).toBe('r0c[0-49].tif 50');
  });

  test('stays one with fewer files when the record has it, unless that had too few for what is set now', () => {
    const known = [
      members(numbered(50, (number) => `/em/t2_${number}.tif`)).map((m) => m.location),
    ];
    const left = numbered(3, (number) => `/em/t2_${number}.tif`);
    expect(seriesOf(left, { known })).toEqual(['t2_[001-003].tif 3']);
    expect(seriesOf(left)).toEqual([]);
    expect(seriesOf(left, { known, minFiles: 51 })).toEqual([]);
    expect(seriesOf(left, { known, minFiles: 0 })).toEqual([]);
  });

  test('is none where none are wanted', () => {
    expect(
      seriesOf(
        numbered(60, (number) => `/em/${number}.tif`),
        { minFiles: 0 },
      ),
    ).toEqual([]);
  });

  test('does not depend on the order of the files', () => {
    const names = [
      ...numbered(60, (number) => `/em/a${number}b1.tif`),
      ...numbered(60, (number) => `/em/a001b${number}.tif`),
    ];
    expect(seriesOf(names.toReversed())).toEqual(seriesOf(names));
  });

  test('names of very many numbers are taken in no time', () => {
    const name = Array.from({ length: 80 }, (_, index) => index).join('-');
    const names = numbered(2000, (number) => `/em/${number}-${name}.tif`);
    expect(findSeries(members(names), { minFiles: 50, known: [] }).series).toHaveLength(1);
  });
});
