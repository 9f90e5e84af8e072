import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { addDirectory } from '../../src/db/annotation-store.js';
import { excludeFile, includeFile } from '../../src/db/session-files-store.js';
import type { InstrumentFolder } from '../../src/domain/instrument.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession, type RunOnceResult } from '../support/lab.js';
import { readXmlRecord, type XmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

/** A time on the day of all sessions, UTC. */
const at = (time: string): string => `2026-03-02T${time}Z`;
const SESSION = { start: at('09:00:00'), end: at('10:00:00') };

function folder(path: string, changes: Partial<InstrumentFolder> = {}): InstrumentFolder {
  return {
    path,
    timeBasis: 'mtime',
    clockOffsets: [],
    patterns: [],
    rootSeenNonemptyAtMs: null,
    ...changes,
  };
}

describeEngines('which files are in a record, and why', (engine) => {
  let lab: Lab;
  let result: RunOnceResult;

  beforeAll(async () => {
    lab = await createLab({
      engine,
      // Files of these instruments say their time without a zone: it is theirs.
      instruments: [
        { pid: 'edges' },
        { pid: 'grace', settings: { build: { end_grace_s: 600 } } },
        { pid: 'patterns', folders: [folder('patterns', { patterns: ['keep/**', '*.msa'] })] },
        { pid: 'inclusive', settings: { build: { strategy: 'inclusive' } } },
        { pid: 'exclusive', settings: { build: { ignore_patterns: ['*.tif', '*.tmp'] } } },
        { pid: 'people' },
        {
          pid: 'acquired',
          timezone: 'UTC',
          folders: [folder('acquired', { timeBasis: 'acquired' })],
        },
        {
          pid: 'offset',
          folders: [
            folder('offset', { clockOffsets: [{ validFromMs: 0, offsetMs: 3_600_000 }] }),
            folder('offset-second'),
          ],
        },
        { pid: 'stale', timezone: 'UTC' },
        { pid: 'stale-out', timezone: 'UTC', settings: { build: { stale_files: 'exclude' } } },
        { pid: 'annotated' },
      ],
    });
    for (const instrument of ['edges', 'grace', 'patterns', 'inclusive', 'exclusive', 'people']) {
      await lab.log(instrument, { ...SESSION, instrument });
    }
    for (const instrument of ['acquired', 'offset', 'stale', 'stale-out']) {
      await lab.log(instrument, { ...SESSION, instrument });
    }

    for (const [name, time] of Object.entries({
      'exactly-start': '2026-03-02T09:00:00Z',
      'after-start': '2026-03-02T09:00:00.000000001Z',
      'exactly-end': '2026-03-02T10:00:00Z',
      'after-end': '2026-03-02T10:00:00.000000001Z',
    })) {
      execFileSync('touch', ['-d', time, lab.spectrum(`edges/${name}.msa`, at('09:30:00'))]);
    }
    lab.spectrum('edges/half-an-hour-before.msa', at('08:31:00'));
    lab.spectrum('edges/long-before.msa', at('07:00:00'));

    await lab.log('grace, next', {
      start: at('10:05:00'),
      end: at('10:30:00'),
      instrument: 'grace',
    });
    lab.spectrum('grace/within.msa', at('10:04:00'));
    lab.spectrum('grace/of-the-next.msa', at('10:06:00'));

    lab.spectrum('patterns/keep/deep/in.msa', at('09:10:00'));
    lab.image('patterns/keep/in.tif', at('09:10:00'));
    lab.spectrum('patterns/in.msa', at('09:10:00'));
    lab.image('patterns/out.tif', at('09:10:00'));

    for (const name of ['notes.xyz', 'copy.part', '~$lock.docx', 'Thumbs.DB', '.git/index']) {
      lab.write(`inclusive/${name}`, at('09:10:00'));
    }
    lab.write('inclusive/@eaDir/thumb.xyz', at('09:10:00'));
    lab.write('exclusive/notes.xyz', at('09:10:00'));
    lab.image('exclusive/image.tif', at('09:10:00'));
    lab.write('exclusive/image.tmp', at('09:10:00'));

    lab.spectrum('people/in.msa', at('09:10:00'));
    lab.spectrum('people/bad.msa', at('09:10:00'));
    lab.write('people/notes.xyz', at('09:10:00'));
    lab.spectrum('people/of-last-year.msa', '2025-03-02T09:30:00Z');
    await lab.database.createScope(async () => {
      await excludeFile('people', '/people/bad.msa', { author: 'ada' });
      await includeFile('people', '/people/notes.xyz', { author: 'ada' });
      await includeFile('people', '/people/of-last-year.msa', { author: 'ada' });
      await includeFile('people', '/people/lost.msa', { author: 'ada' });
    });

    lab.image('acquired/copied-at-night.tif', '2026-03-04T02:13:00Z', at('09:20:00'));
    lab.image('acquired/of-later.tif', at('09:50:00'), at('10:15:00'));
    lab.write('acquired/says-nothing.txt', at('09:40:00'), 'only text');

    lab.spectrum('offset/clock-ahead.msa', at('10:30:00'));
    lab.spectrum('offset/too-early.msa', at('09:30:00'));
    lab.spectrum('offset-second/own-clock.msa', at('09:30:00'));

    for (const instrument of ['stale', 'stale-out']) {
      lab.image(`${instrument}/opened-again.tif`, at('09:30:00'), '2026-01-05T12:00:00Z');
      lab.image(`${instrument}/fresh.tif`, at('09:40:00'), at('09:40:00'));
    }

    await lab.log('annotated', { ...SESSION, instrument: 'annotated' });
    await lab.log('beside', { ...SESSION, instrument: 'annotated', user: 'bob' });
    lab.spectrum('annotated/series/given.msa', at('09:30:00'));
    lab.spectrum('annotated/other.msa', at('09:30:00'));
    await lab.database.createScope(() => addDirectory('annotated', 'annotated/series', 'ada'));
    result = await lab.runOnce();
  });
  afterAll(() => lab.remove());

  function sessionOf(identifier: string): ReportedSession {
    const session = result.sessions.find((one) => one.session_identifier === identifier);
    if (session === undefined) throw new Error(`${identifier} was not built:\n${result.stderr}`);
    return session;
  }

  function recordOf(identifier: string): XmlRecord {
    return readXmlRecord(sessionOf(identifier).record ?? '');
  }

  /** `name: verdict (rule)` of each file near a session. */
  async function verdictsOf(identifier: string): Promise<string[]> {
    const rows: { location: string; verdict: string; rule: string }[] = await lab.database
      .knex('file_verdicts')
      .where('session_identifier', identifier)
      .orderBy('location')
      .select('location', 'verdict', 'rule');
    return rows.map(({ location, verdict, rule }) => {
      const name = location.slice(location.lastIndexOf('/') + 1);
      return `${name}: ${verdict} (${rule})`;
    });
  }

  const namesIn = (identifier: string): string[] =>
    recordOf(identifier)
      .datasets.map(({ name }) => name)
      .sort();

  test('START < t <= END, to the nanosecond', async () => {
    expect(namesIn('edges')).toEqual(['after-start.msa', 'exactly-end.msa']);
    expect(await verdictsOf('edges')).toEqual([
      'after-end.msa: after end (written 00:00:00.000000001 after END)',
      'after-start.msa: in (written between START and END)',
      'exactly-end.msa: in (written between START and END)',
      'exactly-start.msa: before start (written exactly at START)',
      'half-an-hour-before.msa: before start (written 00:29:00 before START)',
    ]);
  });

  test('the grace after END ends at the next START', async () => {
    expect(namesIn('grace')).toEqual(['within.msa']);
    expect(namesIn('grace, next')).toEqual(['of-the-next.msa']);
    expect(await verdictsOf('grace')).toContain(
      'within.msa: in (written 00:04:00 after END, within end_grace)',
    );
  });

  test('the patterns of a folder', async () => {
    expect(namesIn('patterns')).toEqual(['in.msa', 'in.msa', 'in.tif']);
    expect(await verdictsOf('patterns')).toContain(
      'out.tif: ignored (not among the patterns of its folder: "keep/**", "*.msa")',
    );
  });

  test('inclusive takes every file but the ignored; exclusive what a format claims, whatever a pattern says', async () => {
    expect(namesIn('inclusive')).toEqual(['notes.xyz']);
    expect(await verdictsOf('inclusive')).toContain(
      'Thumbs.DB: ignored (ignored by pattern "*.db")',
    );
    expect(namesIn('exclusive')).toEqual(['image.tif']);
    expect(await verdictsOf('exclusive')).toContain(
      'notes.xyz: no format (no format claims files of this name (strategy exclusive))',
    );
  });

  test('what a person says wins', async () => {
    expect(namesIn('people')).toEqual(['in.msa', 'notes.xyz', 'of-last-year.msa']);
    expect(await verdictsOf('people')).toContain('bad.msa: excluded (excluded by a person)');
    expect(recordOf('people').notes.join('\n')).toContain('/people/lost.msa');
  });

  test('with time basis acquired, the time that the file says', async () => {
    expect(namesIn('acquired')).toEqual(['copied-at-night.tif', 'says-nothing.txt']);
    expect(await verdictsOf('acquired')).toEqual([
      'copied-at-night.tif: in (acquired between START and END)',
      'of-later.tif: after end (acquired 00:15:00 after END)',
      'says-nothing.txt: in (written between START and END (it does not say when it was acquired))',
    ]);
  });

  test('the clock offset of a folder, which the record tells', () => {
    expect(namesIn('offset')).toEqual(['clock-ahead.msa', 'own-clock.msa']);
    expect(recordOf('offset').notes.join('\n')).toContain('clock offset');
  });

  test('a file acquired long before is in with a note, or out where the instrument says so', async () => {
    expect(namesIn('stale')).toEqual(['fresh.tif', 'opened-again.tif']);
    expect(recordOf('stale').notes).toContain(
      'opened-again.tif: acquired more than a day outside of the session.',
    );
    expect(namesIn('stale-out')).toEqual(['fresh.tif']);
    expect(await verdictsOf('stale-out')).toContain(
      'opened-again.tif: stale (acquired more than a day outside of the session)',
    );
  });

  test('annotated directories replace the folders, and keep their files from a session beside', () => {
    expect(namesIn('annotated')).toEqual(['given.msa']);
    expect(namesIn('beside')).toEqual(['other.msa']);
  });

  test('every session is built and valid', async () => {
    expect(result.counts).toEqual({ COMPLETED: result.sessions.length });
    const records = result.sessions.map(({ record }) => record ?? '');
    expect((await lab.run(['validate', ...records])).code).toBe(0);
  });
});
