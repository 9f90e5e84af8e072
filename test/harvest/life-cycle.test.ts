import { afterEach, expect, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { followHints } from '../../src/harvest/follow-hints.js';
import type { UsageEventRow } from '../support/fake-nemo/rows.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import type { FakeWebhook } from '../support/fake-nemo/webhook.js';
import { describeDatabases, type DatabaseFixture } from '../support/databases.js';
import { seededRandom } from '../support/seeded-random.js';
import { build } from '../support/session-rows.js';
import { SECRETS, sourceOf as webhookOf, startLab } from '../http/nemo-webhook-lab.js';
import { FacilityLife, instrumentOf, MOST_DELETIONS, type FacilityTools } from './facility-life.js';
import {
  loggedSessions,
  NEVER,
  openHarvestLab,
  sourceOf,
  type HarvestLab,
  type LoggedSession,
} from './harvest-lab.js';

const SOAK = process.env['SOAK'] === '1';
const STEPS = Number(process.env['STEPS'] ?? (SOAK ? '10000' : '120'));
const SEED = Number(process.env['SEED'] ?? '20261122');
const LIMIT_MS = SOAK ? 4 * 3_600_000 : 60_000;
/** More usage events than this that vanish at once are believed only after a person looked. */
const MOST_BELIEVED = 5;

/** What recordsmith hears of NEMO. */
type Channel = 'push and poll' | 'poll' | 'hints only';

const toEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
});

/** A facility, the recordsmith that follows it, and what the log should say at the end. */
class Run {
  readonly channel: Channel;
  readonly nemo: FakeNemo;
  readonly life: FacilityLife;
  readonly tools: FacilityTools;
  readonly random: () => number;
  readonly #fixture: DatabaseFixture;
  readonly #webhook: FakeWebhook | null;
  /** What a session looked like when it was built, by usage event. */
  readonly #built = new Map<number, string>();
  #lab: Pick<HarvestLab, 'source' | 'harvester'>;
  #isDown = false;
  #undecided = 0;

  constructor(
    fixture: DatabaseFixture,
    lab: HarvestLab,
    channel: Channel,
    webhook: FakeWebhook | null,
  ) {
    this.#fixture = fixture;
    this.#lab = lab;
    this.#webhook = webhook;
    this.channel = channel;
    this.nemo = lab.nemo;
    this.random = seededRandom(SEED);
    const child = this.nemo.addTool({ name: 'Titan, alternate', parent_tool: 1 }).id;
    const coater = this.nemo.addTool({ name: 'Sputter coater' }).id;
    this.tools = { child, coater };
    this.life = new FacilityLife(this.nemo, this.tools, this.random);
  }

  async step(): Promise<void> {
    if (this.#undecided + MOST_DELETIONS > MOST_BELIEVED) await this.#settleDeletions();
    this.life.step();
    this.#undecided += this.life.takeDeletions();
    const ticket = this.random();
    if (this.channel !== 'hints only') {
      if (ticket < 0.2) await this.#try(() => this.#lab.harvester.poll(NEVER));
      else if (ticket < 0.23) await this.#try(() => this.#lab.harvester.adjustments(NEVER));
      else if (ticket < 0.26) await this.#reconcile();
      else if (ticket < 0.29) await this.#goDownOrUp();
      else if (ticket < 0.32) this.nemo.fail({ kind: 'reset' }, { times: 2 });
    }
    if (ticket >= 0.32 && ticket < 0.4) await this.#follow();
    else if (ticket >= 0.4 && ticket < 0.44) await this.#restartInMidPass();
    else if (ticket >= 0.44 && ticket < 0.5) await this.#buildOne();
    else if (ticket >= 0.5 && ticket < 0.62) this.#disturbPush(ticket);
  }

  /** All that is under way comes to its end; then everything is compared, as it is each hour. */
  async end(): Promise<void> {
    await this.#comeUp();
    this.#webhook?.release('reversed');
    await this.nemo.settled();
    this.#restart();
    await this.#followAll();
    if (this.channel !== 'hints only') await this.#reconcile();
  }

  /** Where the table of sessions is not as NEMO has it. */
  async faults(): Promise<readonly string[]> {
    const logged = await loggedSessions(this.#fixture.database);
    const faults: string[] = [];
    const events = new Map(this.nemo.state.usageEvents.all().map((event) => [event.id, event]));
    for (const event of events.values()) {
      faults.push(...this.#faultsOf(event, logged.get(event.id)));
    }
    for (const [id, session] of logged) {
      if (!events.has(id)) faults.push(...this.#faultsOfGone(id, session));
    }
    const broken = await this.#fixture.database.createScope(() => checkInvariants());
    return [...faults, ...broken.map(({ message }) => message)];
  }

  #faultsOf(event: UsageEventRow, session: LoggedSession | undefined): string[] {
    const instrument = instrumentOf(event.tool, this.tools);
    if (instrument === null)
      return session === undefined ? [] : this.#faultsOfGone(event.id, session);
    const times = {
      start: instantText(event.start),
      end: event.end === null ? null : instantText(event.end),
    };
    const expected = {
      instrument,
      user: this.nemo.state.users.get(event.user).username,
      ...times,
    };
    const { status, ...said } = session ?? { status: null };
    const fault = `${event.id}: ${JSON.stringify({ status, ...said })} instead of ${JSON.stringify(expected)}`;
    if (JSON.stringify(sorted(said)) !== JSON.stringify(sorted(expected))) return [fault];
    if (event.end === null) return status === 'WAITING_FOR_END' ? [] : [fault];
    const isBuilt = this.#built.get(event.id) === JSON.stringify(sorted(expected));
    return status === 'TO_BE_BUILT' || (isBuilt && status === 'COMPLETED') ? [] : [fault];
  }

  /** A session that NEMO has no more: cancelled, unless a record is there. */
  #faultsOfGone(id: number, { status }: LoggedSession): string[] {
    return status === 'CANCELLED' || this.#built.has(id) ? [] : [`${id} is gone and ${status}`];
  }

  async #settleDeletions(): Promise<void> {
    await this.#comeUp();
    if (this.channel === 'hints only') {
      await this.#webhookDelivers();
      await this.#followAll();
    } else {
      await this.#reconcile();
    }
    this.#undecided = 0;
  }

  async #webhookDelivers(): Promise<void> {
    this.#webhook?.release();
    await this.nemo.settled();
  }

  async #reconcile(): Promise<void> {
    if (await this.#try(() => this.#lab.harvester.reconcile(NEVER))) this.#undecided = 0;
  }

  /** Whether it was done: NEMO was there, and the process did not end. */
  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const code = String(Reflect.get(Object(error), 'code'));
      if (!code.startsWith('SOURCE_') && code !== 'ABORTED') throw error;
      return false;
    }
  }

  async #follow(): Promise<void> {
    const { source, harvester } = this.#lab;
    await this.#try(() => followHints(source, harvester, NEVER));
  }

  /** Also those that wait for another try, without waiting. */
  async #followAll(): Promise<void> {
    const { database } = this.#fixture;
    for (let tries = 0; tries < 10; tries += 1) {
      await database.knex('webhook_hints').update({ next_attempt_at: '2020-01-01T00:00:00.000Z' });
      await this.#follow();
      if ((await database.knex('webhook_hints').first('id')) === undefined) return;
    }
    const left: unknown = await database.knex('webhook_hints').select();
    throw new Error(`Messages are never followed up: ${JSON.stringify(left)}`);
  }

  async #goDownOrUp(): Promise<void> {
    if (this.#isDown) await this.#comeUp();
    else await this.nemo.goDown();
    this.#isDown = !this.#isDown;
  }

  async #comeUp(): Promise<void> {
    this.nemo.recover();
    if (this.#isDown) await this.nemo.comeUp();
    this.#isDown = false;
  }

  /** A process that ends while it harvests leaves what it has done, and nothing half. */
  async #restartInMidPass(): Promise<void> {
    const { harvester } = this.#lab;
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(), this.random() * 15);
    if (this.channel !== 'hints only') {
      await this.#try(() => harvester.reconcile(ending.signal));
    } else {
      await this.#try(() => followHints(this.#lab.source, harvester, ending.signal));
    }
    clearTimeout(timer);
    this.#restart();
  }

  /** Nothing that a process remembers outlives it. */
  #restart(): void {
    this.#lab = sourceOf(this.#fixture.database, this.nemo);
  }

  async #buildOne(): Promise<void> {
    const logged = await loggedSessions(this.#fixture.database);
    const due = [...logged].find(
      ([, { status, end }]) =>
        status === 'TO_BE_BUILT' &&
        end !== null &&
        Date.parse(end) <= Number(this.nemo.now() / 1000n),
    );
    if (due === undefined) return;
    const [id, { status, ...session }] = due;
    await build(this.#fixture.database, `${this.nemo.baseUrl}usage_events/?id=${id}`);
    this.#built.set(id, JSON.stringify(sorted(session)));
    expect(status).toBe('TO_BE_BUILT');
  }

  #disturbPush(ticket: number): void {
    const webhook = this.#webhook;
    if (webhook === null) return;
    if (ticket < 0.515) webhook.delay(Math.floor(this.random() * 20));
    else if (ticket < 0.53) webhook.duplicate(1 + Math.floor(this.random() * 3));
    else if (ticket < 0.56) webhook.hold();
    else if (ticket < 0.59) webhook.release('reversed');
    // What is lost is found by polling alone.
    else if (this.channel === 'push and poll') webhook.drop(2);
  }
}

function instantText(epochUs: bigint): string {
  return new Date(Number(epochUs / 1000n)).toISOString();
}

function sorted(values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function startRun(fixture: DatabaseFixture, channel: Channel): Promise<Run> {
  // Long ago: whatever ends there has ended by the clock of the database too.
  const lab = await openHarvestLab(fixture.database, {}, { now: '2016-01-04T08:00:00Z' });
  toEnd.push(() => lab.nemo.close());
  if (channel === 'poll') return new Run(fixture, lab, channel, null);
  const site = await startLab({
    database: fixture.database,
    sources: [webhookOf('standard-webhooks', { name: 'nemo' })],
    clock: lab.clock,
    messagesPerMinute: 1_000_000,
  });
  const webhook = lab.nemo.addWebhook({
    url: `${site.origin}/ingest/nemo/nemo`,
    body: 'standard-webhooks',
    secrets: [SECRETS['standard-webhooks']],
    // A message that is refused, since hours went by while it was on its way, comes again with another time.
    ...{ retries: 100, retryDelayMs: 10 },
  });
  return new Run(fixture, lab, channel, webhook);
}

describeDatabases('the life of usage events', (fixture) => {
  test.each(['push and poll', 'poll', 'hints only'] as const)(
    `by %s, at random (seed ${SEED}, ${STEPS} steps), comes out as one START and at most one END each`,
    async (channel) => {
      const run = await startRun(fixture, channel);
      for (let step = 0; step < STEPS; step += 1) {
        await run.step();
        if (step % 1000 === 999) {
          await run.end();
          expect(await run.faults()).toEqual([]);
        }
      }
      await run.end();
      expect(await run.faults()).toEqual([]);
      if (SOAK) process.stdout.write(`${channel}: ${JSON.stringify([...run.life.done])}\n`);
    },
    LIMIT_MS,
  );
});
