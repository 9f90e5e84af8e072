import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkTimeZone } from '../../src/cli/check-time-zone.js';
import { newInstrument, readInstrumentColumn } from '../../src/cli/instrument-changes.js';
import { checkInstrumentPid } from '../../src/cli/instrument-pid.js';
import { changedSettings } from '../../src/cli/instrument-settings.js';
import { FaultList, readInstrumentList, readListText } from '../../src/cli/read-instrument-list.js';

test('an unknown time zone is refused with the nearest one', () => {
  expect(checkTimeZone('America/New_York')).toBe('America/New_York');
  for (const [name, nearest] of [
    ['Europe/Belin', 'Europe/Berlin'],
    ['new york', 'America/New_York'],
    ['europe_berlin', 'Europe/Berlin'],
  ]) {
    expect(() => checkTimeZone(String(name))).toThrow(`did you mean '${String(nearest)}'?`);
  }
  expect(() => checkTimeZone('+01:00')).toThrow('is no IANA time zone');
});

test('wrong texts of columns are refused', () => {
  for (const [name, text] of [
    ['api_url', 'javascript:alert(1)'],
    ['calendar_url', 'nemo/calendar'],
    ['computer_ip', '300.1.1.1'],
    ['active', 'maybe'],
    ['display_name', '  '],
    ['property_tag', 'x'.repeat(21)],
    ['settings', '[]'],
    ['settings', '{'],
  ] as const) {
    expect(() => readInstrumentColumn(name, text)).toThrow(name);
  }
  expect(readInstrumentColumn('location', ' ')).toEqual({ location: null });
  expect(readInstrumentColumn('active', 'No')).toEqual({ active: false });
});

test('a key that file names or XML cannot hold is refused with the rule, an awkward one is warned of', () => {
  expect(checkInstrumentPid('FEI-Titan-TEM-635816_n')).toBeNull();
  for (const pid of ['FEI Titan', 'Gerät', '_titan', 'a:b', 'ti%tan']) {
    expect(checkInstrumentPid(pid)).toContain('Use letters, digits');
  }
  for (const pid of [
    'a/b',
    'a\\b',
    'a\nb',
    'a\u0000',
    'a\u202eb',
    'a\uffff',
    '-titan',
    '..',
    ' a',
    '',
  ]) {
    expect(() => newInstrument(pid, { filestorePath: 'a', timezone: 'UTC' })).toThrow(
      'instrument_pid',
    );
  }
});

test('single settings are set and taken back without touching the others', () => {
  const before = { build: { strategy: 'exclusive', clustering: { strict: true } } };
  const changed = changedSettings(before, {
    set: ['build.file_delay_days=5', 'build.ignore_patterns=["*.x", "*.y"]'],
    unset: ['build.clustering.strict', 'build.unknown'],
  });
  expect(changed).toEqual({
    build: { strategy: 'exclusive', file_delay_days: 5, ignore_patterns: ['*.x', '*.y'] },
  });
  expect(before.build.clustering).toEqual({ strict: true });
  const polluted = changedSettings({}, { set: ['__proto__.polluted=1'], unset: [] });
  expect(Object.hasOwn(polluted, '__proto__')).toBe(true);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  expect(() => changedSettings({}, { set: ['build.strategy'], unset: [] })).toThrow('KEY=VALUE');
});

test('texts that are no list of instruments are refused with their reason', () => {
  const head = 'instrument_pid,filestore_path,timezone';
  for (const [text, said] of [
    ['', 'is empty'],
    ['filestore_path,timezone\nA,UTC\n', 'no column instrument_pid'],
    [`${head},pid\n`, 'has the column instrument_pid twice'],
    [`${head},propery_tag\n`, "did you mean 'property_tag'?"],
    [`${head}\n"a,A,UTC\n`, 'is no CSV file'],
  ] as const) {
    expect(() => readInstrumentList('list.csv', text, new FaultList())).toThrow(said);
  }
});

test('a file that is not UTF-8 or not there is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-list-'));
  const file = join(folder, 'list.csv');
  writeFileSync(file, Buffer.from('instrument_pid,location\na,M\u00fcnchen\n', 'latin1'));
  await expect(readListText(file)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: expect.stringContaining('is not UTF-8'),
  });
  rmSync(folder, { recursive: true });
  await expect(readListText(file)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});
