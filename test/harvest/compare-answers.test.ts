import { expect, test } from '@jest/globals';
import { findSession } from '../../src/db/session-store.js';
import { compareAnswers } from '../../src/harvest/compare-answers.js';
import { askNemo, digestOfReply } from '../../src/sources/nemo/ask-nemo.js';
import { describeDatabases } from '../support/databases.js';
import { build } from '../support/session-rows.js';
import { DAY_MS, NEVER, openHarvestLab } from './harvest-lab.js';

describeDatabases('answers that change after the record', (fixture) => {
  test('have it built again for a week after the end, and not any more then', async () => {
    const lab = await openHarvestLab(fixture.database);
    const { nemo, source } = lab;
    try {
      const nowMs = Number(nemo.now() / 1000n);
      const at = (minutes: number): string => new Date(nowMs + minutes * 60_000).toISOString();
      const answers = (title: string) => ({ experiment_title: { user_input: title } });
      const { id: reservation } = nemo.addReservation({
        ...{ tool: 1, user: 2, project: 1, start: at(-60), end: at(120) },
        question_data: answers('Grain boundaries'),
      });
      const { id } = nemo.enable(1, 2, 2, 1);
      nemo.advance(60_000);
      nemo.disable(1);
      await lab.harvester.poll(NEVER);
      const identifier = `${nemo.baseUrl}usage_events/?id=${id}`;
      const asked = { baseUrl: source.url, client: source.client, settings: source.asked };
      const reply = await askNemo(asked, { eventId: id, endMs: nowMs + 60_000 });
      await build(fixture.database, identifier);
      await fixture.database.knex('usage_events').update({ details_sha256: digestOfReply(reply) });
      const status = async () =>
        (await fixture.database.createScope(() => findSession(identifier)))?.status;
      expect(await compareAnswers(source, NEVER)).toBe(0);
      expect(await status()).toBe('COMPLETED');

      const newest = nemo.state.reservations.all().at(-1) ?? { id: reservation };
      nemo.changeReservation(newest.id, { question_data: answers('Grain boundaries, again') });
      nemo.advance(8 * DAY_MS);
      expect(await compareAnswers(source, NEVER)).toBe(0);
      nemo.advance(-2 * DAY_MS);
      expect(await compareAnswers(source, NEVER)).toBe(1);
      expect(await status()).toBe('TO_BE_BUILT');
    } finally {
      await nemo.close();
    }
  });
});
