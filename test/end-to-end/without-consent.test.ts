import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { addNote } from '../../src/db/annotation-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { claimSession } from '../../src/db/build-lease-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { repairPublications } from '../../src/daemon/publish-record-version.js';
import { includeFile } from '../../src/db/session-files-store.js';
import type { UsageEventRow } from '../../src/db/tables.js';
import { updateSessionStatus } from '../../src/db/update-session-status.js';
import { stagingPath } from '../../src/daemon/staging.js';
import { invalidPaths } from '../../src/record/record-names.js';
import { runInProcess } from '../cli/run-in-process.js';
import { describeEngines } from '../support/databases.js';
import { createAskingLab, form, NAUTILUS, type AskingLab } from '../support/asking-lab.js';

jest.setTimeout(120_000);

/** Words that occur nowhere else: in names, metadata, answers and the project. */
const WORDS = ['zanzibar', 'quokka', 'xylitol', 'wombat', 'GB-001', 'Grain boundary'] as const;

describeEngines('A session without consent', (engine) => {
  let asking: AskingLab;

  beforeAll(async () => {
    asking = await createAskingLab(engine, { name: 'nemo' });
  });
  afterAll(() => asking.remove());

  /** A session of an hour with a file full of words, and a form that has them too. */
  async function useWithWords(hour: number, consent: string) {
    const [from, to] = [hour, hour + 1].map((one) => `${String(one).padStart(2, '0')}:00`);
    const half = `2026-03-02T${from?.slice(0, 2) ?? ''}:30:00Z`;
    asking.lab.spectrum(`titan/zanzibar-${hour}.msa`, half, { quokka: 12 });
    asking.lab.write(`titan/zanzibar-${hour}.unknown`, half, 'nothing');
    const used = await asking.use({
      from: from ?? '',
      to: to ?? '',
      answers: form({
        data_consent: consent,
        experiment_title: 'xylitol',
        experiment_purpose: 'wombat',
      }),
    });
    return { ...used, key: sessionKeyOf(used.identifier) };
  }

  const answer = (id: number, consent: string) =>
    asking.nemo.edit(id, {
      run_data: JSON.stringify(form({ data_consent: consent, experiment_title: 'xylitol' })),
    });

  /** Where the words occur: in any column of any table, in names and contents of our files. */
  async function placesOfWords(): Promise<string[]> {
    const { lab } = asking;
    const { knex } = lab.database;
    const tables =
      engine === 'sqlite'
        ? await knex('sqlite_master').where('type', 'table').pluck('name')
        : await knex('pg_tables').whereRaw('schemaname = current_schema()').pluck('tablename');
    const places: string[] = [];
    const note = (place: string, content: string): void => {
      const lower = content.toLowerCase();
      for (const word of WORDS)
        if (lower.includes(word.toLowerCase())) places.push(`${place}: ${word}`);
    };
    for (const table of tables.map(String)) {
      for (const row of await knex(table).select()) note(table, JSON.stringify(row));
    }
    for (const folder of [lab.output, lab.records, join(lab.folder, 'state')]) {
      for (const file of lab.files(folder)) {
        note('name of file', file);
        note(file, readFileSync(join(folder, file), 'latin1'));
      }
    }
    return places;
  }

  const command = (...args: string[]) =>
    runInProcess(asking.lab.folder, [...args, '--config', asking.lab.configFile]);

  /** The project is the neighbour's too, and may be named there. */
  const withoutProject = async (): Promise<string[]> =>
    (await placesOfWords()).filter((place) => !/Grain|GB-001/.test(place));

  test('that was built before leaves no word of it in any table and file; built again with consent it is all there', async () => {
    const { lab } = asking;
    const { id, identifier } = await useWithWords(8, 'Agree');
    // A neighbour whose verdicts tell of the files next to it.
    lab.spectrum('titan/neighbour.msa', '2026-03-02T09:10:00Z');
    const neighbour = await asking.use({
      ...{ from: '08:50', to: '09:20', tool: NAUTILUS.stem },
      answers: form({ data_consent: 'Agree' }),
    });
    await lab.database.knex('usage_events').insert({
      ...{ source: 'nemo', event_id: id, session_identifier: identifier, tool_id: NAUTILUS.tem },
      ...{
        start_at: '2026-03-02T08:00:00.000Z',
        username: 'pierre',
        project: 'Grain boundary study',
      },
      ...{ project_id: 1 },
    });
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'COMPLETED', version: 1 });
    lab.spectrum('titan/zanzibar-more.msa', '2026-03-02T08:40:00Z');
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'COMPLETED', version: 2 });
    expect(await asking.build(neighbour.identifier)).toMatchObject({ outcome: 'COMPLETED' });
    const found = (await placesOfWords()).join('\n');
    for (const place of [
      'usage_events',
      'source_answers',
      'records/',
      'datasets',
      'file_verdicts',
    ]) {
      expect(place === 'records/' ? `${found} records/` : found).toContain(place);
    }
    // What attempts say for which they waited or failed.
    await lab.database
      .knex('build_attempts')
      .where({ session_identifier: identifier })
      .update({ reason: 'waiting: zanzibar.msa' });
    await lab.database
      .knex('session_log')
      .where({ session_identifier: identifier, event_type: 'RECORD_GENERATION', attempt: 1 })
      .update({
        detail: JSON.stringify({
          ...{ outcome: 'ERROR', reason: 'FILE_UNREADABLE: zanzibar.msa', duration_ms: 1 },
          ...{ host: 'here', software_version: '1', record_version: null },
        }),
        revision: 2,
      });
    // A record that was kept aside, and what a killed build left.
    const names = { sessionIdentifier: identifier, sessionKey: sessionKeyOf(identifier) };
    const aside = invalidPaths(
      {
        ...{ ...names, instrumentPid: 'titan', timezone: 'utc', layout: 'flat', collides: false },
        startMs: Date.UTC(2026, 2, 2, 8),
      },
      '0123456789abcdef',
    ).xml;
    mkdirSync(join(lab.records, 'invalid'), { recursive: true });
    writeFileSync(join(lab.records, aside), 'xylitol');
    const staged = stagingPath(lab.output, { sessionKey: names.sessionKey, token: 1 });
    mkdirSync(join(staged, 'titan'), { recursive: true });
    writeFileSync(join(staged, 'titan', 'zanzibar.json'), 'quokka');

    answer(id, ' DISAGREE ');
    const refused = await asking.build(identifier);
    expect(refused).toMatchObject({ outcome: 'NO_CONSENT', recordPath: null, files: 0 });
    expect(refused.reason).toBe('nemo: consent was refused');
    await asking.build(neighbour.identifier);
    expect(await withoutProject()).toEqual([]);
    const event = await lab.database
      .knex<UsageEventRow>('usage_events')
      .where({ event_id: id })
      .first();
    expect(event).toMatchObject({ username: 'pierre', project: null, project_id: null });
    expect(event?.details_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await lab.database.createScope(checkInvariants)).toEqual([]);
    // What people are shown, also of what lies on the store.
    const told = [
      await command('sessions', 'show', identifier),
      await command('sessions', 'explain', identifier),
      await command('sessions', 'explain', neighbour.identifier, '--look'),
    ];
    expect(told.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(told[0]?.stdout).toContain('no consent');
    const shown = told.map(({ stdout, stderr }) => stdout + stderr).join();
    expect(WORDS.slice(0, 4).filter((word) => shown.includes(word))).toEqual([]);
    expect((await command('sessions', 'explain', identifier, '--look')).code).toBe(65);

    answer(id, 'Agree');
    const again = await asking.build(identifier);
    expect(again).toMatchObject({ outcome: 'COMPLETED', version: 3 });
    expect(lab.read(again.recordPath ?? '')).toContain('<title>xylitol</title>');
    expect(existsSync(join(lab.output, 'titan/zanzibar-8.msa.json'))).toBe(true);
    answer(id, 'no');
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'NO_CONSENT' });
  });

  test('from the start, or without an answer, is never looked for, and leaves nothing', async () => {
    const refused = await useWithWords(11, 'negative');
    const blank = await useWithWords(13, '');
    asking.logged = '';
    for (const { identifier } of [refused, blank]) {
      expect(await asking.build(identifier)).toMatchObject({ outcome: 'NO_CONSENT', files: 0 });
    }
    const { lab } = asking;
    const keys = [refused.identifier, blank.identifier];
    expect(await lab.database.knex('file_verdicts').whereIn('session_identifier', keys)).toEqual(
      [],
    );
    expect(await lab.database.knex('records').whereIn('session_identifier', keys)).toEqual([]);
    expect(await withoutProject()).toEqual([]);
    expect(WORDS.filter((word) => asking.logged.includes(word))).toEqual([]);
  });

  test('that is refused while its files are read gets no record, and what was read goes', async () => {
    const { id, identifier } = await useWithWords(15, 'Agree');
    let asked = 0;
    asking.nemo.beforeAnswer((path) => {
      if (!path.includes(`usage_events/${id}/`)) return;
      asked += 1;
      if (asked === 2) answer(id, 'False');
    });
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'NO_CONSENT' });
    asking.nemo.beforeAnswer(null);
    expect(asked).toBe(2);
    expect(await withoutProject()).toEqual([]);
  });

  test('whose build or removal was killed leaves nothing when the next one is done', async () => {
    const { lab } = asking;
    const { id, identifier, key } = await useWithWords(17, 'Agree');
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'COMPLETED' });
    await lab.database.createScope(() => retrySessions({ identifiers: [identifier] }));
    // A process that died over the files.
    const claim = await lab.database.createScope(() =>
      claimSession({ identifier, owner: 'other host', leaseSeconds: 0.001, ignoreBackoff: true }),
    );
    const token = claim.kind === 'claimed' ? claim.token : 0;
    const staged = stagingPath(lab.output, { sessionKey: key, token });
    mkdirSync(join(staged, 'titan'), { recursive: true });
    writeFileSync(join(staged, 'titan', 'zanzibar.json'), 'quokka');
    answer(id, 'Disagree');
    const { environment } = await asking.open();
    // The process dies between the commit and the removal of the files.
    await lab.database.createScope(() => updateSessionStatus(identifier, 'NO_CONSENT'));
    expect((await withoutProject()).join()).toContain('xylitol');
    await repairPublications(environment);
    expect(await withoutProject()).toEqual([]);
    expect(await lab.database.knex('output_removals')).toEqual([]);
  });

  test('keeps what people wrote about it, and the files that they gave it', async () => {
    const { lab } = asking;
    const { id, identifier } = await useWithWords(19, 'Agree');
    await lab.database.createScope(async () => {
      await addNote(identifier, 'The door was open.', 'eve');
      await includeFile(identifier, '/titan/elsewhere.msa', { author: 'eve' });
    });
    await asking.build(identifier);
    answer(id, 'no');
    await asking.build(identifier);
    expect(
      await lab.database.knex('session_notes').where('session_identifier', identifier),
    ).toHaveLength(1);
    expect(
      await lab.database.knex('session_files').where('session_identifier', identifier),
    ).toHaveLength(1);
  });
});
