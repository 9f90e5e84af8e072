import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import {
  command,
  FacilityFolder,
  factsOf,
  PRINT_ONE,
  processesWith,
  readByFacility,
} from '../support/facility-reading.js';
import { waitFor } from '../support/wait-for.js';

let folder: FacilityFolder;

beforeAll(() => {
  folder = new FacilityFolder();
});

afterAll(() => folder.remove());

/** A PNG of one red pixel. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
/** Starts a program of its own that goes on for long, named so that it can be found. */
const START_MORE = (mark: string): string =>
  `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => "${mark}", 600000)'], { detached: true });`;

describe('programs of the facility', () => {
  test('give metadata in the names and units of the table, times in the zone, a preview', async () => {
    const draw = `require('fs').writeFileSync(preview, Buffer.from('${PIXEL}', 'base64'));`;
    const job = folder.job('a.owl', 'x', 'plain');
    const { claims, results } = await readByFacility(
      { commands: [command('owl', draw + PRINT_ONE)] },
      [job],
    );
    expect(claims).toMatchObject([{ id: 'owl', kind: 'command', extensions: ['.owl'], files: [] }]);
    expect(results).toMatchObject([
      {
        kind: 'read',
        metadata: {
          format: 'Of a program',
          reader: 'owl@1',
          warnings: [],
          signals: [
            {
              metadata: { 'Live Time': { value: 1.5, unit: 's' } },
              acquiredMs: Date.parse('2026-03-01T10:00:00+01:00'),
              previewName: 'a.owl.thumb.png',
            },
          ],
        },
      },
    ]);
    expect(readFileSync(join(job.stagingPath, 'a.owl.thumb.png')).toString('latin1', 1, 4)).toBe(
      'PNG',
    );
  });

  test('see the file, the zone and a clean environment in an empty folder, and no shell', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret';
    const script = `console.log(JSON.stringify([{ format: 'f', type: 'Misc', tags: {
      file, zone, files: require('fs').readdirSync('.'), names: Object.keys(process.env) } }]));`;
    const job = folder.job('$(touch x) `y` "z".owl', 'x', 'sees');
    try {
      await readByFacility({ commands: [command('owl', script)] }, [job]);
    } finally {
      delete process.env['AWS_SECRET_ACCESS_KEY'];
    }
    const sidecar = readFileSync(join(job.stagingPath, '$(touch x) `y` "z".owl.json'), 'utf8');
    const { tags } = JSON.parse(sidecar) as { tags: { names: string[] } };
    expect(tags).toMatchObject({
      file: Buffer.from(job.path).toString(),
      zone: 'Europe/Berlin',
      files: [],
    });
    expect(tags.names).toContain('PATH');
    expect(tags.names.filter((name) => /SECRET|RECORDSMITH|MALLOC/.test(name))).toStrictEqual([]);
  });

  test('get a link where the path is no UTF-8, and read what other patterns than extensions claim', async () => {
    const script = `console.log(JSON.stringify([{ format: require('fs').readFileSync(file, 'utf8'), type: 'Misc' }]));`;
    const odd = command('odd', script, { files: ['*.owl', 'scan_*'] });
    const name = Buffer.from('odd\xff.owl', 'latin1');
    const { claims, results } = await readByFacility({ commands: [odd] }, [
      folder.job(name, 'inside'),
      folder.job('SCAN_1', 'without extension'),
    ]);
    expect(claims).toMatchObject([{ extensions: ['.owl'], files: ['scan_*'] }]);
    expect(results.map(factsOf)).toMatchObject([
      { format: 'inside' },
      { format: 'without extension' },
    ]);
  });

  test('that fail cost the file its metadata; nothing is kept of it, so that the next build tries again', async () => {
    const script = `if (require('fs').existsSync(file + '.key')) { ${PRINT_ONE} }
      else { console.error('the licence server\\n is away'); process.exit(3); }`;
    const commands = [command('owl', script)];
    const job = folder.job('b.owl', 'x', 'fails');
    const { results } = await readByFacility({ commands }, [job]);
    expect(results.map(factsOf)).toMatchObject([
      {
        kind: 'killed',
        format: 'unknown',
        warnings: [
          expect.stringMatching(
            /^The reader owl failed: \S+ ended with exit code 3\. It wrote: the licence server is away$/,
          ) as unknown,
        ],
      },
    ]);
    expect(existsSync(job.stagingPath)).toBe(false);
    writeFileSync(join(folder.path, 'data/b.owl.key'), '');
    expect((await readByFacility({ commands }, [job])).results.map(factsOf)).toMatchObject([
      { kind: 'read', reader: 'owl@1', format: 'Of a program' },
    ]);
  });

  test('that print something else, or die, are told so', async () => {
    const faulty = [
      ['nothing', '', /not what recordsmith extract --json prints: it is empty/],
      ['words', `console.log('hello')`, /not what recordsmith extract --json prints: .*JSON/],
      ['shape', `console.log('[{"type":"Photo"}]')`, /prints: 0\.format: .*0\.type: /],
      ['object', `console.log('{}')`, /prints: Invalid input: expected array/],
      [
        'endless',
        `setInterval(() => process.stdout.write('x'.repeat(1e6)), 1)`,
        /more than 16 MiB/,
      ],
      ['dies', `process.kill(process.pid, 'SIGSEGV')`, /ended with SIGSEGV/],
    ] as const;
    const { results } = await readByFacility(
      { commands: faulty.map(([name, script]) => command(name, script)) },
      faulty.map(([name]) => folder.job(`c.${name}`)),
    );
    expect(results.map(factsOf)).toMatchObject(
      faulty.map(([, , message]) => ({
        kind: 'killed',
        warnings: [expect.stringMatching(message) as unknown],
      })),
    );
  });

  test('over the time or the memory are killed with all that they started', async () => {
    const mark = `mark-${process.pid}-limits`;
    const slow = command('slow', `${START_MORE(mark)} setTimeout(() => 0, 60000)`, {
      timeLimitMs: 700,
    });
    const grow = command(
      'grow',
      `${START_MORE(mark)} const kept = []; setInterval(() => kept.push(Buffer.alloc(2e7, 1)), 5)`,
    );
    const { results } = await readByFacility(
      { commands: [slow, grow] },
      [folder.job('d.slow'), folder.job('e.grow')],
      { memoryLimitBytes: 400 * 1024 * 1024 },
    );
    expect(results).toMatchObject([
      { kind: 'killed', code: 'LIMIT_EXCEEDED' },
      { kind: 'killed', code: 'LIMIT_EXCEEDED' },
    ]);
    expect(results.map(factsOf)).toMatchObject([
      { warnings: [expect.stringContaining('took longer than 0.7 s') as unknown] },
      { warnings: [expect.stringContaining('more than 400 MiB of memory') as unknown] },
    ]);
    expect(processesWith(mark)).toStrictEqual([]);
  });

  test('end with the work on the file: when it is no longer wanted, and when their process is killed', async () => {
    const mark = `mark-${process.pid}-abort`;
    const commands = [command('slow', `${START_MORE(mark)} setTimeout(() => 0, 60000)`)];
    for (const end of ['abort', 'stop'] as const) {
      const pool = new ReaderPool({ size: 1 });
      await pool.useFacilityReaders({ modules: [], commands });
      const over = new AbortController();
      const next = pool.extractFiles([folder.job('f.slow')], { signal: over.signal }).next();
      next.catch(() => undefined);
      // The program and the one that it starts.
      await waitFor('the programs run', () => processesWith(mark).length >= 2);
      if (end === 'abort') over.abort();
      const stopping = pool.stop();
      if (end === 'stop') await pool.stop();
      await expect(next).rejects.toMatchObject({ code: 'ABORTED' });
      await stopping;
      expect(processesWith(mark)).toStrictEqual([]);
    }
  });

  test('are not run again until the file, a companion or their version changes', async () => {
    const run = (version: number) => {
      const job = folder.job('h.owl', 'x', 'cached');
      utimesSync(Buffer.from(job.path), 1_600_000_000, 1_600_000_000);
      const owl = command('owl', PRINT_ONE, {
        version,
        companions: [{ main: '(.+)\\.owl', companions: ['$1.hdr'] }],
      });
      const mtimeNs = 1_600_000_000_000_000_000n;
      const kept = { ...job, mtimeNs, stagingPath: job.outputPath };
      return readByFacility({ commands: [owl] }, [kept]);
    };
    const kinds: unknown[] = [];
    kinds.push((await run(1)).results[0]?.kind, (await run(1)).results[0]?.kind);
    folder.write('data/h.hdr', 'a companion that is new');
    kinds.push((await run(1)).results[0]?.kind, (await run(1)).results[0]?.kind);
    kinds.push((await run(2)).results[0]?.kind);
    expect(kinds).toStrictEqual(['read', 'cached', 'read', 'cached', 'read']);
  });

  test('leave nothing running in the background', async () => {
    const mark = `mark-${process.pid}-behind`;
    const script = `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => "${mark}", 600000)']).unref();
      ${PRINT_ONE} process.exit(0);`;
    const { results } = await readByFacility({ commands: [command('owl', script)] }, [
      folder.job('g.owl'),
    ]);
    expect(results.map(factsOf)).toMatchObject([{ kind: 'read', format: 'Of a program' }]);
    await waitFor('it is gone', () => processesWith(mark).length === 0);
  });

  test('that are not there or may not be run are told with their keys', async () => {
    const commands = [
      command('none', '', { command: ['no-such-program-here', '{file}'] }),
      command('owl', '', { command: [folder.write('owl.sh', ''), '{file}'] }),
      command('tiff', ''),
    ];
    await expect(readByFacility({ commands }, [])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: {
        faults: [
          expect.stringMatching(
            /^extract\.commands\[0\]: The program no-such-program-here is not there/,
          ) as unknown,
          expect.stringMatching(
            /\[1\]: .*owl\.sh is not there or may not be run.*chmod \+x/,
          ) as unknown,
          expect.stringMatching(/\[2\]: recordsmith itself has a reader tiff/) as unknown,
        ],
      },
    });
  });
});
