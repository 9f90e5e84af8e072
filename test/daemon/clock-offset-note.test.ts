import { expect, test } from '@jest/globals';
import { clockOffsetNote } from '../../src/daemon/make-record.js';
import { lookRequest, makeFolder, MIDDLE_MS, START_MS, END_MS } from '../support/file-store.js';

function noteOf(...clockOffsets: readonly (readonly [validFromMs: number, offsetMs: number])[]) {
  return clockOffsetNote(
    lookRequest('/data', {
      folders: [
        makeFolder('titan', {
          clockOffsets: clockOffsets.map(([validFromMs, offsetMs]) => ({ validFromMs, offsetMs })),
        }),
        makeFolder('gatan'),
      ],
    }),
  );
}

test('the record says which clock offset held in the session', () => {
  expect(noteOf([0, 1500])).toBe(
    'File times were corrected by the clock offset of the instrument (titan: 1.5 s).',
  );
  expect(noteOf([0, 1500], [START_MS, -60_000])).toContain('(titan: -60 s)');
});

test('offsets that changed within the session are all named', () => {
  expect(noteOf([0, 0], [MIDDLE_MS, 90_000])).toContain('(titan: 0 s, then 90 s)');
});

test('without an offset in the session nothing is said', () => {
  expect(noteOf()).toBeNull();
  expect(noteOf([0, 0])).toBeNull();
  expect(noteOf([END_MS + 1, 5000])).toBeNull();
  expect(noteOf([0, 5000], [START_MS, 0])).toBeNull();
});
