import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';
import { runInProcess } from './run-in-process.js';

interface ShownVersion {
  readonly version: number;
  readonly state: string;
  readonly cause: string;
  readonly path: string;
  readonly record: string | null;
}

interface Shown {
  readonly status: string;
  readonly held_by_person: boolean;
  readonly last_reason: string | null;
  readonly versions: readonly ShownVersion[];
  readonly overrides: readonly Record<string, unknown>[];
  readonly files: readonly Record<string, unknown>[];
}

// Each test builds a session in a process of its own.
jest.setTimeout(180_000);

describeEngines('A session that people put right', (engine) => {
  let lab: Lab;

  const sessions = async (...args: string[]) => {
    const result = await runInProcess(lab.folder, [
      'sessions',
      ...args,
      '--config',
      lab.configFile,
    ]);
    if (result.code !== 0) throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
    return result.stdout;
  };
  const show = async () => JSON.parse(await sessions('show', 's', '--json')) as Shown;
  const build = async (): Promise<ReportedSession> => {
    const { sessions: reports } = await lab.runOnce();
    const [report] = reports;
    if (report === undefined || reports.length > 1) throw new Error('Not one session was built.');
    return report;
  };
  /** File names of the datasets in the public record. */
  const recorded = ({ record }: Pick<ReportedSession, 'record'>): string[] => {
    const xml = readFileSync(record ?? '', 'utf8');
    return [...xml.matchAll(/<location>([^<]*)<\/location>/g)].map(([, name]) => name ?? '').sort();
  };

  beforeAll(async () => {
    lab = await createLab({ engine });
    lab.spectrum('titan/a.msa', '2026-03-02T09:10:00Z');
    lab.spectrum('titan/b.msa', '2026-03-02T09:20:00Z');
    lab.spectrum('titan/late.msa', '2026-03-02T10:05:00Z');
    await lab.log('s', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    await build();
  });
  afterAll(() => lab.remove());

  // One story: each test goes on where the one before ended.
  describe('told in order', () => {
    test('a file that came later is in version 2 after a retry', async () => {
      lab.spectrum('titan/c.msa', '2026-03-02T09:30:00Z');
      expect(await sessions('retry', 's')).toContain('is built again by the next pass');
      const report = await build();
      expect(report).toMatchObject({ outcome: 'COMPLETED', version: 2, files: 3 });
      const { versions } = await show();
      expect(versions).toMatchObject([
        { version: 2, state: 'current', cause: '1 file added', record: report.record },
        { version: 1, state: 'superseded', cause: 'first build', record: null },
      ]);
      expect(versions.every(({ path }) => existsSync(path))).toBe(true);
    });

    test('a retry that finds nothing new makes no version', async () => {
      await sessions('retry', 's');
      expect(await build()).toMatchObject({ outcome: 'COMPLETED', version: 2, files: 3 });
      expect((await show()).versions).toHaveLength(2);
    });

    test('a file that is gone stays in the record as missing, until a fresh retry drops it', async () => {
      rmSync(`${lab.data}/titan/b.msa`);
      await sessions('retry', 's');
      const kept = await build();
      expect(kept).toMatchObject({ version: 3, files: 3 });
      expect(recorded(kept)).toContain('/titan/b.msa');
      expect(readFileSync(kept.record ?? '', 'utf8')).toContain('/titan/b.msa: missing since');

      const explained = JSON.parse(await sessions('explain', 's', '--json')) as {
        readonly missing: readonly { readonly location: string }[];
        readonly hints: readonly { readonly command: string }[];
      };
      expect(explained.missing).toMatchObject([{ location: '/titan/b.msa' }]);
      expect(explained.hints.map(({ command }) => command)).toContainEqual(
        expect.stringMatching(/^recordsmith sessions retry \w+ --fresh$/),
      );

      await sessions('retry', 's', '--fresh');
      const dropped = await build();
      expect(dropped).toMatchObject({ version: 4, files: 2 });
      expect(recorded(dropped)).toEqual(['/titan/a.msa', '/titan/c.msa']);
    });

    test('an excluded file is out of the next version and stays out of later builds', async () => {
      await sessions('exclude', 's', 'titan/c.msa', '--reason', 'test shot', '--as', 'eve');
      const without = await build();
      expect(without).toMatchObject({ version: 5, files: 1 });
      expect(recorded(without)).toEqual(['/titan/a.msa']);
      await sessions('retry', 's', '--fresh');
      expect(await build()).toMatchObject({ version: 5, files: 1 });
      expect((await show()).files).toMatchObject([
        { location: '/titan/c.msa', rule: 'exclude', author: 'eve', reason: 'test shot' },
      ]);
    });

    test('a corrected END brings in the files written before it', async () => {
      const said = await sessions(
        ...['set', 's', '--end', '2026-03-02T11:06', '--why', 'END was early', '--as', 'eve'],
      );
      expect(said).toContain('2026-03-02T11:06:00+01:00; TO_BE_BUILT');
      const report = await build();
      expect(report).toMatchObject({ version: 6, end: '2026-03-02T10:06:00.000Z' });
      expect(recorded(report)).toEqual(['/titan/a.msa', '/titan/late.msa']);
      expect((await show()).overrides).toMatchObject([
        {
          field: 'end',
          value: '2026-03-02T10:06:00.000Z',
          source_value: '2026-03-02T10:00:00.000Z',
          who: 'eve',
          why: 'END was early',
        },
      ]);
    });

    test('a window made narrower says what changed and how files that are outside are dropped', async () => {
      const said = await sessions('set', 's', '--end', '2026-03-02T11:00');
      expect(said).toContain('end: 2026-03-02T11:06:00+01:00 is now 2026-03-02T11:00:00+01:00');
      expect(said).toContain('status: COMPLETED is now TO_BE_BUILT');
      expect(said).toContain('The next pass builds it again; version 6 of its record stays until');
      expect(said).toMatch(/To drop them: recordsmith sessions retry \w{16} --fresh\n/);
      const wider = await sessions('set', 's', '--end', '2026-03-02T11:06');
      expect(wider).not.toContain('--fresh');
      expect(await build()).toMatchObject({ outcome: 'COMPLETED', version: 6 });
    });

    test('a cancelled session loses its public record at once, a released one is built anew', async () => {
      const [current] = (await show()).versions;
      expect(existsSync(current?.record ?? '')).toBe(true);
      await sessions('cancel', 's', '--reason', 'calibration', '--as', 'eve');
      expect(existsSync(current?.record ?? '')).toBe(false);
      const cancelled = await show();
      expect(cancelled).toMatchObject({
        status: 'CANCELLED',
        held_by_person: true,
        last_reason: 'Cancelled by eve: calibration',
      });
      expect(cancelled.versions.every(({ state }) => state === 'withdrawn')).toBe(true);
      expect((await lab.runOnce()).sessions).toEqual([]);

      await sessions('release', 's');
      const report = await build();
      expect(report).toMatchObject({ outcome: 'COMPLETED', version: 7, record: current?.record });
      expect(recorded(report)).toEqual(['/titan/a.msa', '/titan/late.msa']);
      expect((await show()).versions[0]?.cause).toBe('built again after it was withdrawn');
    });

    test('public files that cannot be removed are told, and removed by cancelling once more', async () => {
      const record = (await show()).versions[0]?.record ?? '';
      rmSync(record);
      mkdirSync(`${record}/in the way`, { recursive: true });
      const cancel = () => lab.run(['sessions', 'cancel', 's']);
      const first = await cancel();
      expect(first.code).toBe(77);
      expect(first.stderr).toContain('is cancelled, but the public files');
      expect((await show()).status).toBe('CANCELLED');
      rmSync(record, { recursive: true });
      expect((await cancel()).code).toBe(0);
    });
  });
});
