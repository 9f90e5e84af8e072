import { expect, test } from '@jest/globals';
import { RECORD_STATUSES } from '../../src/domain/record-status.js';
import {
  FileOwner,
  ownsFiles,
  userFolderPattern,
  type OwnedFile,
} from '../../src/files/file-owner.js';
import type { FileClaim } from '../../src/files/look-request.js';
import { makeClaim, MIDDLE_MS, START_MS } from '../support/file-store.js';

const mtimeNs = BigInt(MIDDLE_MS) * 1_000_000n;
const file: OwnedFile = {
  path: 'titan/eva/a.dm3',
  pathInFolder: 'eva/a.dm3',
  folderPath: 'titan',
  mtimeNs,
  acquiredNs: null,
};

function owner(claims: Partial<FileClaim>[], changes: Partial<OwnedFile> = {}): string | null {
  const all = claims.map((claim, index) => makeClaim({ sessionIdentifier: `s${index}`, ...claim }));
  const decision = new FileOwner(all).ownerOf({ ...file, ...changes });
  if (decision === null) return null;
  // The rule is shown to people of other sessions: it names nobody.
  expect(decision.rule).not.toMatch(/s\d|eva|titan|dm3/);
  return decision.claim.sessionIdentifier;
}

test('a claim covers START < t <= END; an open one everything after its START', () => {
  expect(owner([{ startMs: MIDDLE_MS }])).toBeNull();
  expect(owner([{ endMs: MIDDLE_MS }])).toBe('s0');
  expect(owner([{ endMs: MIDDLE_MS - 1 }])).toBeNull();
  expect(owner([{}, { startMs: START_MS + 1, endMs: null }])).toBe('s1');
});

test('an annotated directory comes first, and claims nothing outside itself', () => {
  const annotated = { directories: ['./titan//eva/'] };
  const later = { startMs: START_MS + 1, userFolderPattern: 'eva/**' };
  expect(owner([annotated, later])).toBe('s0');
  expect(owner([{ directories: ['titan/ev'] }, later])).toBe('s1');
  expect(owner([{ directories: ['.'] }, later])).toBe('s0');
  expect(owner([later, annotated])).toBe('s1');
  // Of several annotated ones the next rules decide, without the others.
  expect(owner([later, annotated, annotated])).toBe('s1');
});

test('then the user folder, then the later START, then the smaller identifier', () => {
  const eva = { userFolderPattern: userFolderPattern('{username}/**', 'eva') };
  const bob = {
    userFolderPattern: userFolderPattern('{username}/**', 'bob'),
    startMs: START_MS + 1,
  };
  expect(owner([eva, bob])).toBe('s0');
  expect(owner([bob, eva])).toBe('s1');
  expect(owner([{ startMs: START_MS + 2 }, eva, { ...eva, startMs: START_MS + 1 }])).toBe('s2');
  expect(owner([eva, bob], { pathInFolder: 'shared/a.dm3' })).toBe('s1');
  expect(owner([{ startMs: START_MS + 2 }, bob])).toBe('s0');
  expect(owner([{ sessionIdentifier: 's9' }, { sessionIdentifier: 's10' }])).toBe('s10');
  expect(owner([{ sessionIdentifier: 's10' }, { sessionIdentifier: 's9' }])).toBe('s10');
});

test('a user name is text in the pattern', () => {
  const owns = (user: string, pathInFolder: string): boolean =>
    owner(
      [{ userFolderPattern: userFolderPattern('{username}/**', user) }, { startMs: START_MS + 1 }],
      { pathInFolder },
    ) === 's0';
  for (const user of ['a*', 'a?c', '[ab]', '{a,b}', '(a)', '!x', 'é.b@c d', 'a+b', '$1', '$&']) {
    expect([user, owns(user, `${user}/f.dm3`)]).toEqual([user, true]);
  }
  expect(owns('a*', 'ab/f.dm3')).toBe(false);
  expect(owns('[ab]', 'a/f.dm3')).toBe(false);
  expect(userFolderPattern('{username}/**', null)).toBeNull();
  expect(userFolderPattern(null, 'eva')).toBeNull();
});

test('all sessions own files but those cancelled or skipped', () => {
  expect(RECORD_STATUSES.filter((status) => !ownsFiles(status))).toEqual(['SKIPPED', 'CANCELLED']);
});

test('each claim judges a file by its own clock offsets, and by the own time of the file where that decides', () => {
  const offsets = (offsetMs: number) => ({
    folders: [{ path: 'titan', clockOffsets: [{ validFromMs: 0, offsetMs }] }],
  });
  const ended = { endMs: MIDDLE_MS - 1 };
  expect(owner([ended])).toBeNull();
  expect(owner([{ ...ended, ...offsets(1) }])).toBe('s0');
  expect(owner([ended, { ...ended, ...offsets(1) }, { ...ended, ...offsets(-1) }])).toBe('s1');
  expect(owner([{ ...ended, ...offsets(1) }], { acquiredNs: mtimeNs })).toBeNull();
});

test('a claim covers no folder that its session does not have, but its directories', () => {
  const elsewhere = { folders: [{ path: 'helios', clockOffsets: [] }] };
  const later = { startMs: START_MS + 1 };
  expect(owner([{}, { ...later, ...elsewhere }])).toBe('s0');
  expect(owner([{}, { ...later, ...elsewhere, directories: ['titan/eva'] }])).toBe('s1');
  const ahead = { endMs: MIDDLE_MS - 1, clockOffsetsElsewhere: [{ validFromMs: 0, offsetMs: 1 }] };
  expect(owner([{ ...ahead, ...elsewhere, directories: ['titan/eva'] }])).toBe('s0');
});
