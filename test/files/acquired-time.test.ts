import { expect, test } from '@jest/globals';
import type { FoundFile } from '../../src/domain/found-file.js';
import { decideByAcquiredTime } from '../../src/files/acquired-time.js';
import {
  END_MS,
  lookRequest,
  makeClaim,
  makeFolder,
  MIDDLE_MS,
  START_MS,
} from '../support/file-store.js';

function candidate(name: string, writtenMs: number): FoundFile {
  const mtimeNs = BigInt(writtenMs) * 1_000_000n;
  return { location: `/titan/${name}`, name, sizeBytes: 1, blocks: 8, mtimeNs, timeNs: mtimeNs };
}

const folders = [makeFolder('titan', { timeBasis: 'acquired' })];

test('the time a file says decides; one that does not say counts by when it was written', () => {
  const late = END_MS + 3_600_000 * 9;
  const files = ['b', 'a', 'early', 'far', 'silent'].map((name) => candidate(name, late));
  files.push(candidate('silent-in', MIDDLE_MS));
  const acquired = new Map([
    ['/titan/b', MIDDLE_MS],
    ['/titan/a', MIDDLE_MS + 0.5],
    ['/titan/early', START_MS],
    ['/titan/far', START_MS - 3_600_000],
  ]);
  const result = decideByAcquiredTime(lookRequest('/data', { folders }), files, acquired);
  expect(result.files.map((file) => [file.name, file.timeNs])).toEqual([
    ['b', BigInt(MIDDLE_MS) * 1_000_000n],
    ['silent-in', BigInt(MIDDLE_MS) * 1_000_000n],
    ['a', BigInt(MIDDLE_MS) * 1_000_000n + 500_000n],
  ]);
  expect(result.verdicts.map(({ location, rule }) => [location, rule])).toEqual([
    ['/titan/b', 'acquired between START and END'],
    ['/titan/a', 'acquired between START and END'],
    ['/titan/early', 'acquired exactly at START'],
    ['/titan/silent-in', 'written between START and END (it does not say when it was acquired)'],
  ]);
  expect(result.otherFileCount).toBe(2);
});

test('ownership is decided by the same time', () => {
  const neighbours = [makeClaim({ sessionIdentifier: 'other', startMs: START_MS + 1000 })];
  const request = lookRequest('/data', { folders, neighbours });
  const files = [candidate('mine', END_MS), candidate('theirs', END_MS)];
  const acquired = new Map([
    ['/titan/mine', START_MS + 1000],
    ['/titan/theirs', START_MS + 1001],
  ]);
  const result = decideByAcquiredTime(request, files, acquired);
  expect(result.files.map((file) => file.name)).toEqual(['mine']);
  expect(result.verdicts.map((one) => one.verdict)).toEqual(['in', 'other session']);
});

test('a file of the record that was acquired in another session belongs there, however far that is', () => {
  const location = '/titan/far';
  const farMs = START_MS - 86_400_000;
  const decide = (changes: Parameters<typeof lookRequest>[1]) =>
    decideByAcquiredTime(
      lookRequest('/data', { folders, recorded: [location], ...changes }),
      [candidate('far', MIDDLE_MS)],
      new Map([[location, farMs]]),
    );
  const other = makeClaim({
    sessionIdentifier: 'other',
    startMs: farMs - 1000,
    endMs: farMs + 1000,
  });
  const taken = decide({ neighbours: [other] });
  expect(taken).toMatchObject({ files: [], takenOver: [location] });
  expect(taken.verdicts).toMatchObject([{ location, verdict: 'other session' }]);
  expect(decide({ neighbours: [] })).toMatchObject({
    files: [],
    takenOver: [],
    verdicts: [{ location, verdict: 'before start' }],
  });
});
