import { expect, test } from '@jest/globals';
import type { FoundFile } from '../../src/domain/found-file.js';
import type { LastLook } from '../../src/domain/working-session.js';
import { isSettled } from '../../src/files/is-settled.js';

const END = Date.UTC(2026, 2, 2, 10);
const MINUTE = 60_000;

function file(name: string, mtimeMs: number, sizeBytes = 41_000_000_000): FoundFile {
  const mtimeNs = BigInt(mtimeMs) * 1_000_000n;
  return { location: `/titan/${name}`, name, sizeBytes, blocks: 8, mtimeNs, timeNs: mtimeNs };
}

function settled(
  nowMs: number,
  files: readonly FoundFile[],
  lastLook: LastLook | null = null,
  isRecorded: (file: FoundFile) => boolean = () => false,
): ReturnType<typeof isSettled> {
  const limits = { settleTimeMs: MINUTE, settleMaxMs: 60 * MINUTE };
  return isSettled({ nowMs, endMs: END, files, isRecorded, lastLook, ...limits });
}

function waitingLook(result: ReturnType<typeof isSettled>): LastLook {
  if (result.kind !== 'waiting') throw new Error('settled');
  return result.look;
}

test('a file written less than settle_time ago is still growing: named with its size', () => {
  const result = settled(END + 10 * MINUTE, [
    file('scan_06.emd', END),
    file('scan_07.emd', END + 10 * MINUTE - 59_000),
  ]);
  expect(result).toMatchObject({
    kind: 'waiting',
    reason: 'waiting: scan_07.emd, 41 GB, still growing',
    untilMs: END + 11 * MINUTE,
  });
});

test('a session that has only just ended waits, whatever the age of its files', () => {
  expect(settled(END + 59_999, [file('a', END - 60 * MINUTE)])).toMatchObject({
    reason: 'waiting: the session has only just ended',
    untilMs: END + 59_999 + MINUTE,
  });
  expect(settled(END + MINUTE, [file('a', END - 60 * MINUTE)]).kind).toBe('settled');
});

test('young files must look the same at two looks: size and time', () => {
  const now = END + 2 * MINUTE;
  const first = settled(now, [file('a.dm3', END, 1500)]);
  expect(first).toMatchObject({ reason: 'waiting: a.dm3, 1.5 kB, new, looked at once more' });
  const look = waitingLook(first);
  const grown = settled(now + 1000, [file('a.dm3', END, 1501)], look);
  expect(grown).toMatchObject({ reason: 'waiting: a.dm3, 1.5 kB, still growing' });
  expect(settled(now + 1000, [file('a.dm3', END + 1, 1500)], look).kind).toBe('waiting');
  expect(settled(now + 1000, [file('a.dm3', END, 1500)], look)).toEqual({
    kind: 'settled',
    warning: null,
  });
});

test('files older than five settle times need no second look', () => {
  expect(settled(END + 5 * MINUTE + 1, [file('a', END)]).kind).toBe('settled');
  expect(settled(END + 5 * MINUTE, [file('a', END)]).kind).toBe('waiting');
});

test('after settle_max of waiting the record is made with a warning', () => {
  const times = [0, 30, 59].map((minutes) => END + minutes * MINUTE);
  let look: LastLook | null = null;
  for (const now of times) look = waitingLook(settled(now, [file('a.emd', now)], look));
  const now = END + 60 * MINUTE;
  expect(settled(now, [file('a.emd', now)], look)).toEqual({
    kind: 'settled',
    warning: 'a.emd, 41 GB was still being written; the record was made after waiting 60 min.',
  });
});

test('a late file of an old session is waited for from its first look on', () => {
  const now = END + 3 * 24 * 60 * MINUTE;
  expect(settled(now, [file('late.emd', now)]).kind).toBe('waiting');
});

test('a file time in the future waits until settle_max, not until that time', () => {
  const now = END + 10 * MINUTE;
  const result = settled(now, [file('a', now + 24 * 60 * MINUTE)]);
  expect(result).toMatchObject({ kind: 'waiting', untilMs: now + 60 * MINUTE });
});

test('a young file that the current version holds as it is need not look the same twice', () => {
  const now = END + 2 * MINUTE;
  const recorded = file('a.dm3', END, 1500);
  const isRecorded = ({ name }: FoundFile): boolean => name === recorded.name;
  expect(settled(now, [recorded], null, isRecorded)).toEqual({ kind: 'settled', warning: null });
  expect(settled(now, [recorded, file('b.dm3', END)], null, isRecorded)).toMatchObject({
    reason: expect.stringContaining('new, looked at once more'),
  });
});

test('settle_time 0 never waits', () => {
  const limits = { settleTimeMs: 0, settleMaxMs: 0 };
  const files = [file('a', END)];
  const options = { nowMs: END, endMs: END, files, lastLook: null, isRecorded: () => false };
  expect(isSettled({ ...options, ...limits }).kind).toBe('settled');
});
