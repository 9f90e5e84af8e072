import { expect, test } from '@jest/globals';
import type { FileVerdict, FoundFile, Verdict } from '../../src/domain/found-file.js';
import { findMissingFiles, type RecordedFile } from '../../src/files/missing-files.js';

function found(location: string, mtimeNs = 5n, sizeBytes = 10): FoundFile {
  const name = location.slice(location.lastIndexOf('/') + 1);
  return { location, name, sizeBytes, blocks: 8, mtimeNs, timeNs: mtimeNs };
}

function recorded(location: string, missingSinceMs: number | null = null): RecordedFile {
  return { location, sizeBytes: 10, mtimeNs: 5n, missingSinceMs };
}

function verdict(location: string, word: Verdict): FileVerdict {
  return { location, verdict: word, rule: `rule ${word}`, sizeBytes: 10, mtimeNs: 5n };
}

function states(files: RecordedFile[], look: FoundFile[], verdicts: FileVerdict[] = []): unknown[] {
  return findMissingFiles({
    recorded: files,
    files: look,
    verdicts,
    unreadable: new Set(),
    nowMs: 77,
  }).map((state) => (state.kind === 'moved' ? `moved to ${state.to.location}` : state.kind));
}

test('present where the look found it, moved where name, size and mtime agree, else missing', () => {
  const files = [recorded('/a/1.dm3'), recorded('/a/2.dm3'), recorded('/a/3.dm3')];
  const look = [
    found('/a/1.dm3'),
    found('/b/2.dm3'),
    found('/b/3.dm3', 6n),
    found('/c/3.dm3', 5n, 11),
  ];
  expect(states(files, look)).toEqual(['present', 'moved to /b/2.dm3', 'missing']);
});

test('one found file stands for one recorded file, and a file that is recorded itself for no other', () => {
  const files = [recorded('/a/1.dm3'), recorded('/b/1.dm3'), recorded('/c/1.dm3')];
  const look = [found('/c/1.dm3'), found('/d/1.dm3')];
  expect(states(files, look)).toEqual(['moved to /d/1.dm3', 'missing', 'present']);
});

test('missing keeps since when it is missing', () => {
  const result = findMissingFiles({
    recorded: [recorded('/a/1.dm3', 11), recorded('/a/2.dm3')],
    files: [],
    verdicts: [],
    unreadable: new Set(),
    nowMs: 77,
  });
  expect(result).toMatchObject([{ missingSinceMs: 11 }, { missingSinceMs: 77 }]);
});

test('outside the window or unreadable now stays, excluded or owned by another session goes', () => {
  const words = ['before start', 'after end', 'unreadable', 'excluded', 'other session', 'ignored'];
  const files = words.map((word) => recorded(`/${word}`));
  const verdicts = words.map((word) => verdict(`/${word}`, word as Verdict));
  expect(states(files, [], verdicts)).toEqual([
    'missing',
    'missing',
    'missing',
    'dropped',
    'dropped',
    'dropped',
  ]);
});

test('what cannot be read itself is there; below a folder that cannot be read nobody knows', () => {
  const result = findMissingFiles({
    recorded: [
      recorded('/a/shut.dm3'),
      recorded('/a/shut-again.dm3', 11),
      recorded('/a/folder/1.dm3'),
      recorded('/a/folder/2.dm3', 11),
      recorded('/a/folder-of-others/3.dm3'),
    ],
    files: [],
    verdicts: [verdict('/a/shut.dm3', 'unreadable')],
    unreadable: new Set(['/a/shut.dm3', '/a/shut-again.dm3', '/a/folder']),
    nowMs: 77,
  });
  expect(result).toMatchObject([
    { kind: 'unreadable', missingSinceMs: null },
    { kind: 'unreadable', missingSinceMs: null },
    { kind: 'unreadable', missingSinceMs: null },
    { kind: 'unreadable', missingSinceMs: 11 },
    { kind: 'missing', missingSinceMs: 77 },
  ]);
});
