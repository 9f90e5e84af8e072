import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { checkPcClocks } from '../../src/cli/doctor/check-pc-clocks.js';
import { insertLog } from '../../src/db/insert-log.js';
import { saveInstrumentClock } from '../../src/db/instrument-clock-store.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';
import { runInProcess } from './run-in-process.js';

describeDatabases('instrument PCs', (fixture) => {
  const lab = commandFolder(() => fixture.url);
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runInProcess(lab.current.folder, [
      ...args,
      ...['--config', 'recordsmith.yaml', '--json'],
    ]);
    if (code !== 0) throw new Error(stderr + stdout);
    return stdout;
  };
  const configure = (...sources: unknown[]): void => {
    const file = join(lab.current.folder, 'recordsmith.yaml');
    const config = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    lab.current.write('recordsmith.yaml', stringify({ ...config, sources }));
  };
  const pcs = { name: 'pcs', kind: 'instrument-pc', auto_close: 'next-start' };

  test('doctor tells of a clock that is off, and how far', async () => {
    for (const [pid, offsetMs] of [
      ['titan', 3_660_000],
      ['quanta', -45_000],
      ['helios', 29_000],
    ] as const) {
      await addInstrument(fixture.database, pid);
      const measuredAtMs = Date.parse('2026-03-01T12:00:00Z');
      await fixture.database.createScope(() =>
        saveInstrumentClock({ instrumentPid: pid, offsetMs, measuredAtMs }),
      );
    }
    const lines = [];
    for await (const line of checkPcClocks(fixture.database)) lines.push(line);
    expect(lines).toMatchObject([
      {
        state: 'warn',
        message: 'the clock of the PC of quanta is 45 s behind (measured 2026-03-01T12:00:00.000Z)',
      },
      { state: 'warn', message: expect.stringContaining('titan is 61 min ahead') },
      { state: 'ok', message: '1 of 3 agree with ours' },
    ]);
  });

  test('problems names a session of a PC that another one has followed', async () => {
    await addInstrument(fixture.database, 'titan');
    const now = Date.now();
    for (const [sessionIdentifier, at, source] of [
      ['first', now - 60_000, 'pcs'],
      ['second', now - 30_000, 'pcs'],
      ['booked', now - 90_000, 'nemo'],
      ['booked too', now - 20_000, 'nemo'],
    ] as const) {
      await fixture.database.createScope(() =>
        insertLog({ sessionIdentifier, instrumentPid: 'titan', eventType: 'START', at, source }),
      );
    }
    expect(JSON.parse(await run('sessions', 'problems'))).toEqual({ problems: [] });
    configure(pcs);
    expect(JSON.parse(await run('sessions', 'problems'))).toMatchObject({
      problems: [
        {
          session_identifier: 'first',
          problem: 'FOLLOWED_BY_START',
          remedy: expect.stringContaining('recordsmith log end --session'),
        },
      ],
    });
  });

  test('an instrument can say itself what ends its sessions, and shows what holds', async () => {
    await addInstrument(fixture.database, 'titan');
    configure(pcs);
    await run('instruments', 'set', 'titan', '--set', 'auto_close=idle');
    const shown = JSON.parse(await run('instruments', 'show', 'titan')) as {
      effective_settings: { key: string }[];
    };
    expect(shown.effective_settings.slice(-2)).toEqual([
      { key: 'auto_close', value: 'idle', origin: 'instrument' },
      { key: 'idle_minutes', value: 60, origin: 'source pcs' },
    ]);
    await expect(run('instruments', 'set', 'titan', '--set', 'auto_close=never')).rejects.toThrow(
      /auto_close: expected off, next-start or idle/,
    );
    configure(pcs, { ...pcs, name: 'more-pcs' });
    await expect(run('config', 'check')).rejects.toThrow(/only one source of this kind/);
  });
});
