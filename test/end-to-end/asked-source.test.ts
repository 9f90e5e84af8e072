import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { addNote } from '../../src/db/annotation-store.js';
import { ALL_PERMISSIONS } from '../support/fake-nemo/tokens.js';
import { runInProcess } from '../cli/run-in-process.js';
import { describeEngines } from '../support/databases.js';
import { createAskingLab, form, NAUTILUS, type AskingLab } from '../support/asking-lab.js';

jest.setTimeout(120_000);

const AGREED = form({ data_consent: 'Agree' });

describeEngines('A session whose source is asked', (engine) => {
  let asking: AskingLab;

  beforeAll(async () => {
    asking = await createAskingLab(
      engine,
      {},
      {
        rules: [
          { name: 'trainings', action: 'skip', match: { training: true } },
          {
            name: 'of staff',
            action: 'skip',
            match: { project: 'Battery cathodes', group: 'MSED' },
          },
        ],
      },
    );
  });
  afterAll(() => asking.remove());

  const xmlOf = (path: string | null): string => asking.lab.read(path ?? '');

  test('has the answers, people, project and page of the source in its record; a changed answer makes a new version', async () => {
    const { nemo, lab } = asking;
    lab.spectrum('titan/a.msa', '2026-03-02T08:30:00Z');
    const { id, identifier } = await asking.use({
      from: '08:00',
      to: '09:00',
      operator: NAUTILUS.ned,
      remote: true,
      preRunData: form({ experiment_title: 'Too early', data_consent: 'Agree' }),
      answers: form({
        experiment_title: '<b>GB</b> segregation',
        experiment_purpose: 'Map solute at GBs',
        project_id: 'GB-77',
        sample_group: {
          '0': { sample_name: 'Ni-20Cr', sample_or_pid: 'Sample Name', sample_details: null },
          '2': { sample_name: 'pid-77', sample_or_pid: 'PID', periodic_table: ['Ni', 'Cr'] },
        },
      }),
    });
    await lab.database.createScope(() => addNote(identifier, 'Grid 3 was bent.', 'ada'));
    const built = await asking.build(identifier);
    expect(built).toMatchObject({ outcome: 'COMPLETED', version: 1 });
    const xml = xmlOf(built.recordPath);
    for (const part of [
      '<title>&lt;b&gt;GB&lt;/b&gt; segregation</title>',
      '<motivation>Map solute at GBs</motivation>',
      '<experimenter>Pierre Aronnax (pierre)</experimenter>',
      '<collaborator>ned ned (ned)</collaborator>',
      `ref="${nemo.baseUrl.replace('api/', '')}event_details/usage/${id}/"`,
      '<name>Grain boundary study</name>',
      '<division>MSED</division>',
      '<project_id>GB-77</project_id>',
      '<name>Ni-20Cr</name>',
      'ref="pid-77"',
      'Staff ran the instrument for the customer',
      'Grid 3 was bent.',
    ]) {
      expect(xml).toContain(part);
    }
    expect(await asking.build(identifier)).toMatchObject({ version: 1 });
    const shown = await runInProcess(lab.folder, [
      ...['sessions', 'show', identifier, '--json', '--config', lab.configFile],
    ]);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      source_answer: { source: 'nemo', event_id: id, outcome: 'answered' },
    });
    nemo.edit(id, { run_data: JSON.stringify(form({ experiment_title: 'Another title' })) });
    const again = await asking.build(identifier);
    expect(again).toMatchObject({ outcome: 'COMPLETED', version: 2 });
    expect(xmlOf(again.recordPath)).toContain('<title>Another title</title>');
  });

  test('is skipped by rules on training, project and group, before consent matters', async () => {
    const training = await asking.use({ from: '10:00', to: '10:10', training: true });
    expect(await asking.build(training.identifier)).toMatchObject({
      outcome: 'SKIPPED',
      reason: 'rule: trainings',
    });
    const ofStaff = await asking.use({ from: '10:20', to: '10:30' });
    asking.nemo.bulkTransfer([ofStaff.id], 2);
    expect(await asking.build(ofStaff.identifier)).toMatchObject({ outcome: 'SKIPPED' });
  });

  test('waits while the source is away, without a counted try, and so do the others of that source', async () => {
    const { nemo, lab } = asking;
    const first = await asking.use({ from: '11:00', to: '11:10', answers: AGREED });
    const second = await asking.use({ from: '11:20', to: '11:30', answers: AGREED });
    await lab.log('by hand', { start: '2026-03-02T11:40:00Z', end: '2026-03-02T11:50:00Z' });
    lab.spectrum('titan/b.msa', '2026-03-02T11:45:00Z');
    nemo.tokens.allow(nemo.token, ['view_tool']);
    const before = nemo.requests.length;
    const reports = await asking.pass();
    expect(nemo.requests.length - before).toBe(1);
    const byId = new Map(reports.map((report) => [report.sessionIdentifier, report]));
    for (const { identifier } of [first, second]) {
      expect(byId.get(identifier)).toMatchObject({ outcome: 'DEFERRED', away: 'source' });
      expect(byId.get(identifier)?.reason).toMatch(/^nemo: NEMO at .*usage_events/);
    }
    expect(byId.get('by hand')).toMatchObject({ outcome: 'COMPLETED' });
    expect(await lab.database.knex('sessions').where('tries', '>', 0)).toEqual([]);
    nemo.tokens.allow(nemo.token, ALL_PERMISSIONS);
    expect(await asking.build(first.identifier)).toMatchObject({ outcome: 'NO_FILES_FOUND' });
  });

  test('waits when its event is gone, and when consent cannot be asked for without a token', async () => {
    const { nemo, lab } = asking;
    const { id, identifier } = await asking.use({ from: '12:00', to: '12:10', answers: AGREED });
    nemo.delete(id);
    expect(await asking.build(identifier)).toMatchObject({
      outcome: 'DEFERRED',
      reason: `nemo has no usage event ${id} any more.`,
    });
    const webhook = { scheme: 'static-token', secrets: ['very-secret-token-1'] };
    const source = { name: 'nemo', kind: 'nemo', url: nemo.baseUrl, webhook };
    await asking.configure({ sources: [{ ...source, consent: 'required' }] });
    const deferred = await asking.build(identifier);
    expect(deferred.outcome).toBe('DEFERRED');
    expect(deferred.reason).toContain('without a token');
    await asking.configure({ sources: [{ ...source, consent: 'off' }] });
    lab.spectrum('titan/c.msa', '2026-03-02T12:05:00Z');
    expect(await asking.build(identifier)).toMatchObject({ outcome: 'COMPLETED' });
  });
});
