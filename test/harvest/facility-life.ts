import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import type { UsageEventRow } from '../support/fake-nemo/rows.js';

const MINUTE_US = 60_000_000n;
const MINUTE_MS = 60_000;

/** Usage events that one step deletes at most. */
export const MOST_DELETIONS = 2;

/** Tools of the facility: two instruments, an alternate of the first, and one that is no instrument. */
export const TITAN = 1;
export const QUANTA = 2;
export interface FacilityTools {
  readonly child: number;
  readonly coater: number;
}

/** Which instrument a tool means. */
export function instrumentOf(tool: number, { child }: FacilityTools): string | null {
  if (tool === TITAN || tool === child) return 'titan';
  return tool === QUANTA ? 'quanta' : null;
}

/**
 * What people do at a facility, step by step at random: every cause by which a usage event changes. A step that NEMO itself
 * would refuse does nothing.
 */
export class FacilityLife {
  /** How often each step was done. */
  readonly done = new Map<string, number>();
  readonly #nemo: FakeNemo;
  readonly #tools: FacilityTools;
  readonly #random: () => number;
  #deletions = 0;
  #guest: number | null = null;

  constructor(nemo: FakeNemo, tools: FacilityTools, random: () => number) {
    this.#nemo = nemo;
    this.#tools = tools;
    this.#random = random;
  }

  /** Events that went since the last call. */
  takeDeletions(): number {
    const deletions = this.#deletions;
    this.#deletions = 0;
    return deletions;
  }

  /** Does one thing. @returns what; null: NEMO did not let it happen */
  step(): string | null {
    const steps: readonly (readonly [name: string, weight: number, act: () => void])[] = [
      ['enable', 8, () => this.#enable()],
      ['disable', 7, () => this.#disable()],
      [
        'delayed logoff',
        1,
        () => void this.#nemo.disable(this.#tool(), { downtimeMinutes: this.#upTo(40) }),
      ],
      ['force off', 1, () => void this.#nemo.forceShutdown(this.#tool())],
      ['take over', 2, () => void this.#nemo.takeOver(this.#tool(), this.#user(), this.#user(), 1)],
      ['adjust', 2, () => this.#adjust()],
      ['revert', 1, () => this.#revert()],
      ['waive', 1, () => void this.#nemo.waive(this.#event().id, 1)],
      ['unwaive', 1, () => void this.#nemo.unwaive(this.#event().id)],
      ['guest uses a tool', 1, () => this.#guestComes()],
      ['guest is deleted', 1, () => this.#guestGoes()],
      ['roll back', 1, () => this.#rollBack()],
      ['validate', 1, () => void this.#nemo.validate(this.#event().id, 3)],
      ['transfer in bulk', 1, () => this.#nemo.bulkTransfer([this.#event().id], 1 + this.#upTo(2))],
      ['re-time', 2, () => this.#retime()],
      ['reopen', 3, () => void this.#nemo.reopen(this.#event().id)],
      ['move tool', 2, () => void this.#nemo.moveTool(this.#event().id, this.#tool())],
      ['change user', 1, () => void this.#nemo.changeUser(this.#event().id, this.#user())],
      [
        'change operator',
        1,
        () => void this.#nemo.edit(this.#event().id, { operator: this.#user() }),
      ],
      ['answers', 1, () => void this.#nemo.edit(this.#event().id, { run_data: this.#answers() })],
      ['delete', 3, () => this.#delete()],
      ['back-date', 2, () => this.#backdate()],
      ['time goes by', 3, () => this.#nemo.advance(this.#upTo(180) * MINUTE_MS)],
    ];
    const total = steps.reduce((sum, [, weight]) => sum + weight, 0);
    let ticket = this.#random() * total;
    // Nothing happens twice at the same instant.
    this.#nemo.advance(1000);
    for (const [name, weight, act] of steps) {
      ticket -= weight;
      if (ticket > 0) continue;
      try {
        act();
      } catch {
        return null;
      }
      this.done.set(name, (this.done.get(name) ?? 0) + 1);
      return name;
    }
    return null;
  }

  #upTo(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #tool(): number {
    const { child, coater } = this.#tools;
    return [TITAN, QUANTA, child, coater][this.#upTo(4)] ?? TITAN;
  }

  /** The users of the facility are 1 to 4. */
  #user(): number {
    return 1 + this.#upTo(4);
  }

  /** Mostly one of the last; what ended before all that is looked back to changes no more. */
  #event(): UsageEventRow {
    const earliest = this.#nemo.now() - 20n * 24n * 60n * MINUTE_US;
    const all = this.#nemo.state.usageEvents
      .all()
      .filter(({ start, end }) => start > earliest || end === null || end > earliest);
    const last = this.#random() < 0.8 ? Math.min(all.length, 8) : all.length;
    const event = all[all.length - 1 - this.#upTo(last)];
    if (event === undefined) throw new Error('There is no usage event.');
    return event;
  }

  #enable(): void {
    const remote = this.#random() < 0.2;
    this.#nemo.enable(this.#tool(), this.#user(), this.#user(), 1, { remote });
  }

  #guestComes(): void {
    this.#guest ??= this.#nemo.addUser({ username: `guest${this.#upTo(1_000_000)}` }).id;
    this.#nemo.enable(this.#tool(), this.#guest, this.#user(), 1);
  }

  /** With every usage event of theirs. */
  #guestGoes(): void {
    const guest = this.#guest;
    if (guest === null) throw new Error('There is no guest.');
    const count = this.#nemo.state.usageEvents
      .all()
      .filter(({ user, operator }) => user === guest || operator === guest).length;
    if (count > MOST_DELETIONS) throw new Error('They were here too often.');
    this.#nemo.deleteUser(guest);
    this.#guest = null;
    this.#deletions += count;
  }

  /** What was told before its transaction ended, and never was. */
  #rollBack(): void {
    this.#nemo.holdCommits();
    try {
      this.#enable();
    } finally {
      this.#nemo.rollBack();
    }
  }

  #disable(): void {
    const open = this.#nemo.state.usageEvents.all().filter(({ end }) => end === null);
    const event = open[this.#upTo(open.length)];
    if (event === undefined) throw new Error('Nobody uses a tool.');
    this.#nemo.disable(event.tool, { answers: { count: this.#upTo(9) } });
  }

  #adjust(): void {
    const { id, end } = this.#event();
    if (end === null) throw new Error('It has not ended.');
    this.#nemo.adjust(id, { end: end + BigInt(this.#upTo(30)) * MINUTE_US });
  }

  #revert(): void {
    const applied = this.#nemo.state.adjustmentRequests.all().filter((request) => request.applied);
    const request = applied.at(-1);
    if (request === undefined) throw new Error('Nothing was adjusted.');
    this.#nemo.revertAdjustment(request.id);
  }

  #retime(): void {
    const { id, start, end } = this.#event();
    const earlier = start - BigInt(1 + this.#upTo(60)) * MINUTE_US;
    this.#nemo.edit(
      id,
      this.#random() < 0.5 || end === null ? { start: earlier } : { end: end + MINUTE_US },
    );
  }

  #answers(): string {
    return JSON.stringify({ count: { user_input: String(this.#upTo(1000)) } });
  }

  #delete(): void {
    this.#nemo.delete(this.#event().id);
    this.#deletions += 1;
  }

  /** Days back, or so that it just ended. */
  #backdate(): void {
    const now = this.#nemo.now();
    const start = now - BigInt(30 + this.#upTo(20 * 24 * 60)) * MINUTE_US;
    const end = start + BigInt(1 + this.#upTo(29)) * MINUTE_US;
    this.#nemo.backdate({ tool: this.#tool(), user: this.#user(), project: 1, start, end });
  }
}
