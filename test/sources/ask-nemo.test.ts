import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  askNemo,
  digestOfReply,
  type AskSettings,
  type NemoReply,
} from '../../src/sources/nemo/ask-nemo.js';
import type { NemoClient } from '../../src/sources/nemo/nemo-client.js';
import { sourcesSchema } from '../../src/config/sources-schema.js';
import { form, NAUTILUS } from '../support/asking-lab.js';
import { clientOf } from './nemo-lab.js';
import { startNautilus } from '../support/fake-nemo/nautilus.js';
import type { JsonValue } from '../support/fake-nemo/rows.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';

let nemo: FakeNemo;
let client: NemoClient;

beforeAll(async () => {
  nemo = await startNautilus({ now: '2026-03-01T00:00:00Z' });
  client = clientOf(nemo.baseUrl, nemo.token, { timezone: 'UTC' });
});
afterAll(() => nemo.close());

const at = (time: string): string => `2026-03-02T${time}:00Z`;
const { pierre, ned, stem, tem, project } = NAUTILUS;

function settingsWith(changes: Readonly<Record<string, unknown>>): AskSettings {
  const source = { name: 'nemo', kind: 'nemo', url: 'https://nemo/api/', token: 'x', ...changes };
  const [settings] = sourcesSchema.parse([{ consent: 'required', ...source }]);
  if (settings?.kind !== 'nemo') throw new Error('There is no source.');
  return settings;
}

/** A use of the tool from 09:00 to 10:00 of its own day, back-dated. */
let day = 3;
function use(
  answers: { readonly run?: JsonValue | string; readonly pre?: JsonValue },
  tool: number = tem,
) {
  day += 1;
  const date = `2026-03-${String(day).padStart(2, '0')}`;
  const text = (value: JsonValue | string | undefined): string | null =>
    value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
  const event = nemo.backdate({
    ...{ tool, user: pierre, operator: pierre, project },
    ...{ start: `${date}T09:00:00Z`, end: `${date}T10:00:00Z` },
    ...{ run_data: text(answers.run), pre_run_data: text(answers.pre) },
  });
  return { id: event.id, date };
}

const ask = (id: number, changes: Readonly<Record<string, unknown>> = {}): Promise<NemoReply> =>
  askNemo(
    { baseUrl: nemo.baseUrl, client, settings: settingsWith(changes) },
    { eventId: id, endMs: 0 },
  );

/** `given`, `not-asked`, or why there is no consent. */
async function consentOf(id: number, setting = 'required'): Promise<string> {
  const reply = await ask(id, { consent: setting });
  if (reply.kind === 'answered') return reply.consent;
  return reply.kind === 'no-consent' ? reply.why : reply.kind;
}

const consent = (input: JsonValue): JsonValue => form({ data_consent: input });

describe('consent', () => {
  test.each<[string, JsonValue, string, string]>([
    ['an agreement', 'Agree', 'given', 'given'],
    ['a refusal in another case with blanks', '  DisAgree\n', 'refused', 'refused'],
    ['a refusal among choices', ['Agree', 'No'], 'refused', 'refused'],
    ['false of a plugin', false, 'refused', 'refused'],
    ['a blank', '', 'unanswered', 'given'],
    ['an empty list', [], 'unanswered', 'given'],
    ['null', null, 'unanswered', 'given'],
    ['a word that only holds a refusal', 'north', 'given', 'given'],
    ['a refusal in full-width letters', '\uFF2E\uFF2F', 'refused', 'refused'],
  ])('by %s', async (_, input, required, optOut) => {
    const { id } = use({ run: consent(input) });
    expect(await consentOf(id)).toBe(required);
    expect(await consentOf(id, 'opt-out')).toBe(optOut);
    expect(await consentOf(id, 'off')).toBe('not-asked');
  });

  test('is unanswered without any form, and in forms without the question', async () => {
    expect(await consentOf(use({}).id)).toBe('unanswered');
    expect(await consentOf(use({ run: form({ constructor: 'x' }) }).id)).toBe('unanswered');
  });

  test('counts as answered at the end of the use, then at its start, then in the reservation', async () => {
    expect(await consentOf(use({ run: consent('No'), pre: consent('Agree') }).id)).toBe('refused');
    expect(await consentOf(use({ run: consent(''), pre: consent('Agree') }).id)).toBe('given');
    const { id, date } = use({ pre: form({ experiment_title: 'T' }) });
    nemo.addReservation({
      ...{ user: pierre, tool: tem, question_data: consent('Disagree') },
      ...{ start: `${date}T08:00:00Z`, end: `${date}T11:00:00Z` },
    });
    expect(await consentOf(id)).toBe('refused');
  });

  test('is withheld where answers that would count first cannot be read', async () => {
    const { id } = use({ run: '{"data_consent": {', pre: consent('Agree') });
    expect(await consentOf(id)).toBe('unreadable');
    expect(await consentOf(id, 'opt-out')).toBe('unreadable');
    expect(await consentOf(id, 'off')).toBe('not-asked');
  });

  test('that is refused leaves nothing of the content in reply and digest', async () => {
    const one = use({ run: form({ data_consent: 'no', experiment_title: 'secret' }) });
    const other = use({ run: form({ data_consent: 'no', experiment_title: 'other' }) });
    const replies = [await ask(one.id), await ask(other.id)];
    expect(JSON.stringify(replies)).not.toContain('secret');
    expect(new Set(replies.map(digestOfReply)).size).toBe(1);
  });
});

describe('the reservation', () => {
  const reservationOf = async (id: number): Promise<string | null> => {
    const reply = await ask(id, { consent: 'off' });
    return reply.kind === 'answered' ? reply.details.reservationId : reply.kind;
  };

  test('is the one that overlaps most of those that hold, on any tool of the family', async () => {
    const child = nemo.addTool({ name: 'Titan, alternate', parent_tool: tem });
    const { id, date } = use({}, child.id);
    const book = (from: string, to: string, changes = {}) =>
      nemo.addReservation({
        ...{ user: pierre, tool: tem, start: `${date}T${from}:00Z`, end: `${date}T${to}:00Z` },
        ...changes,
      });
    book('08:00', '11:00', { cancelled: true });
    book('08:00', '11:00', { missed: true });
    book('08:00', '11:00', { tool: stem });
    expect(await reservationOf(id)).toBeNull();
    expect((await ask(id, { consent: 'off', reservation: 'required' })).kind).toBe(
      'no-reservation',
    );
    book('10:00', '11:00');
    expect(await reservationOf(id)).toBeNull();
    const short = book('09:40', '11:00', { user: ned });
    expect(await reservationOf(id)).toBe(String(short.id));
    const long = book('08:00', '09:50', { user: ned });
    expect(await reservationOf(id)).toBe(String(long.id));
    const moved = nemo.moveReservation(long.id, {
      start: `${date}T08:00:00Z`,
      end: `${date}T09:45:00Z`,
    });
    expect(await reservationOf(id)).toBe(String(moved.id));
  });

  test('of equals is that of the same person, then the later one', async () => {
    const { id, date } = use({});
    const book = (user: number, created: string) => {
      nemo.setNow(created);
      const times = { start: `${date}T09:00:00Z`, end: `${date}T10:00:00Z` };
      return String(nemo.addReservation({ user, tool: tem, ...times }).id);
    };
    const first = book(ned, at('01:00'));
    expect(await reservationOf(id)).toBe(first);
    const later = book(ned, at('02:00'));
    expect(await reservationOf(id)).toBe(later);
    const own = book(pierre, at('00:30'));
    expect(await reservationOf(id)).toBe(own);
  });
});

describe('the details', () => {
  const detailsOf = async (id: number, changes = {}) => {
    const reply = await ask(id, { consent: 'off', ...changes });
    if (reply.kind !== 'answered') throw new Error(reply.kind);
    return reply;
  };

  test('of hostile answers are bounded and cleaned', async () => {
    const { id } = use({
      run: form({
        experiment_title: `<script>\u0000\u202Ealert(1)</script>\n${'x'.repeat(100_000)}`,
        experiment_purpose: `a\r\nb\u0007${'\u{1F600}'.repeat(60_000)}`,
        sample_group: Object.fromEntries(
          Array.from({ length: 500 }, (_, index) => [String(index), { sample_name: `s${index}` }]),
        ),
        project_id: { odd: [1, { deep: ['GB-9'] }] },
      }),
    });
    const { details } = await detailsOf(id);
    expect(details.title?.startsWith('<script>alert(1)</script> xxx')).toBe(true);
    expect(details.title).toHaveLength(255);
    expect(details.motivation?.length).toBeLessThanOrEqual(10_000);
    expect(details.motivation?.startsWith('a\nb')).toBe(true);
    expect(details.motivation).not.toMatch(/\p{Surrogate}/u);
    expect(details.samples).toHaveLength(100);
    expect(details.projects[0]?.projectId).toBe('1 GB-9');
  });

  test('of samples follow the keys of the group, over gaps and blanks', async () => {
    const { id } = use({
      run: form({
        sample_group: {
          '10': { sample_name: 'third' },
          '0': { sample_name: 'first', sample_or_pid: 'Sample Name', sample_details: 'thin' },
          '1': { sample_name: '', sample_details: null },
          '2': { sample_name: 'pid-77', sample_or_pid: 'pid', periodic_table: 'Ni, Cr Ni' },
          odd: null,
        },
      }),
    });
    expect((await detailsOf(id)).details.samples).toEqual([
      { ref: null, name: 'first', description: 'thin', elements: [] },
      { ref: 'pid-77', name: null, description: null, elements: ['Ni', 'Cr'] },
      { ref: null, name: 'third', description: null, elements: [] },
    ]);
  });

  test('name the operator as the setting says, and change the digest when they change', async () => {
    const { id } = use({});
    nemo.edit(id, { operator: ned, training: true });
    const customer = await detailsOf(id);
    expect(customer.details.experimenter).toEqual({
      username: 'pierre',
      fullName: 'Pierre Aronnax',
    });
    expect(customer.details.collaborators.map(({ username }) => username)).toEqual(['ned']);
    expect(customer.details.notes).toEqual(['The session was a training.']);
    expect(customer.facts).toMatchObject({ training: true, remoteWork: false, group: 'MSED' });
    const operator = await detailsOf(id, { user: 'operator' });
    expect(operator.details.experimenter?.username).toBe('ned');
    const before = digestOfReply(customer);
    expect(digestOfReply(await detailsOf(id))).toBe(before);
    nemo.edit(id, { remote_work: true });
    expect(digestOfReply(await detailsOf(id))).not.toBe(before);
  });

  test('of an event that NEMO does not have are none: it is gone', async () => {
    expect(await ask(999_999)).toEqual({ kind: 'gone' });
  });
});
