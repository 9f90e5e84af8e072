import { describe, expect, test } from '@jest/globals';
import { summarizeActivity } from '../../src/activities/summarize-activity.js';
import { versionCause } from '../../src/daemon/version-cause.js';
import type { Dataset } from '../../src/domain/dataset.js';
import type { ExperimentRecord } from '../../src/domain/record.js';

function dataset(location: string, more: Partial<Dataset> = {}): Dataset {
  return {
    name: location.slice(1),
    location,
    format: 'TIFF',
    type: 'Image',
    role: 'Experimental',
    description: null,
    preview: null,
    metadata: {},
    sizeBytes: 10,
    mtimeNs: 1n,
    timeNs: 1n,
    acquiredMs: null,
    shape: [],
    calibration: [],
    dtype: null,
    reader: 'tiff@1',
    signalNumber: 1,
    signalCount: 1,
    warnings: [],
    missingSinceMs: null,
    ...more,
  };
}

function recordOf(...datasets: readonly Dataset[]): ExperimentRecord {
  return {
    pid: 'p',
    title: 't',
    id: 'i',
    sessionIdentifier: 's',
    sessionKey: 'k',
    summary: {
      ref: null,
      experimenter: null,
      collaborators: [],
      instrument: { pid: 'titan', displayName: 'Titan' },
      timezone: 'UTC',
      startMs: 0,
      endMs: 1,
      motivation: null,
    },
    samples: [],
    projects: [],
    activities: [summarizeActivity(0, datasets)],
    notes: [],
    verdictCounts: {},
  };
}

const NONE: ReadonlySet<string> = new Set();

describe('the cause of a new version', () => {
  const before = [dataset('/a'), dataset('/b'), dataset('/gone', { missingSinceMs: 5 })];

  test('counts files that came, changed, went missing, came back or were left out', () => {
    const after = recordOf(
      dataset('/b', { missingSinceMs: 9 }),
      dataset('/gone'),
      dataset('/c'),
      dataset('/d'),
    );
    expect(versionCause(before, after, NONE)).toBe(
      '2 files added, 1 file missing, 1 file found again, 1 file left out',
    );
    expect(versionCause([dataset('/a')], recordOf(dataset('/a', { mtimeNs: 2n })), NONE)).toBe(
      '1 file changed',
    );
  });

  test('does not call a file missing that merely lies outside of the session now', () => {
    const moved = { missingSinceMs: 9 };
    const after = recordOf(dataset('/a', moved), dataset('/b', moved), dataset('/gone', moved));
    expect(versionCause(before, after, new Set(['/b', '/gone']))).toBe(
      '1 file missing, 1 file outside of the session now',
    );
  });

  test('counts a file of several signals once', () => {
    const after = recordOf(
      dataset('/a'),
      dataset('/m', { signalCount: 2 }),
      dataset('/m', { signalCount: 2, signalNumber: 2 }),
    );
    expect(versionCause([dataset('/a')], after, NONE)).toBe('1 file added');
  });

  test('is the session or the settings when the files are the same', () => {
    expect(versionCause([dataset('/a')], recordOf(dataset('/a')), NONE)).toContain('the session');
  });
});
