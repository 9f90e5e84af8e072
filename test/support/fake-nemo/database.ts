import type {
  AccountRow,
  AdjustmentRequestRow,
  ContentTypeRow,
  ProjectRow,
  ReservationRow,
  ToolRow,
  UsageEventRow,
  UserRow,
} from './rows.js';

/** The number of the content type of usage events on the server the examples come from. */
export const USAGE_EVENT_CONTENT_TYPE = 38;

interface Numbered {
  readonly id: number;
}

/** What a test may look at. */
export interface ReadableTable<Entry> {
  all(): readonly Entry[];
  get(id: number): Entry;
  find(id: number): Entry | undefined;
}

/** One table: as this transaction sees it, and as the others see it until the transaction is committed. */
export class Table<Entry extends Numbered> implements ReadableTable<Entry> {
  readonly #name: string;
  #rows = new Map<number, Entry>();
  #committed: Map<number, Entry> | null = null;
  #lastId = 0;

  constructor(name: string) {
    this.#name = name;
  }

  all(): readonly Entry[] {
    return [...this.#rows.values()];
  }

  find(id: number): Entry | undefined {
    return this.#rows.get(id);
  }

  get(id: number): Entry {
    const found = this.find(id);
    if (found === undefined) throw new Error(`The fake NEMO has no ${this.#name} ${id}.`);
    return found;
  }

  committed(): ReadonlyMap<number, Entry> {
    return this.#committed ?? this.#rows;
  }

  /** A number that was never given; one that was rolled back is not given again either. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  put(entry: Entry): Entry {
    this.#lastId = Math.max(this.#lastId, entry.id);
    this.#rows.set(entry.id, entry);
    return entry;
  }

  update(id: number, changes: Partial<Entry>): Entry {
    return this.put({ ...this.get(id), ...changes });
  }

  remove(id: number): Entry {
    const removed = this.get(id);
    this.#rows.delete(id);
    return removed;
  }

  hold(): void {
    this.#committed ??= new Map(this.#rows);
  }

  commit(): void {
    this.#committed = null;
  }

  rollBack(): void {
    this.#rows = this.#committed ?? this.#rows;
    this.#committed = null;
  }
}

/** All tables of the fake. */
export class Database {
  readonly usageEvents = new Table<UsageEventRow>('usage event');
  readonly reservations = new Table<ReservationRow>('reservation');
  readonly tools = new Table<ToolRow>('tool');
  readonly users = new Table<UserRow>('user');
  readonly projects = new Table<ProjectRow>('project');
  readonly accounts = new Table<AccountRow>('account');
  readonly adjustmentRequests = new Table<AdjustmentRequestRow>('adjustment request');
  readonly contentTypes = new Table<ContentTypeRow>('content type');

  constructor() {
    const models = ['tool', 'project', 'reservation', 'user', 'account', 'areaaccessrecord'];
    const rows = models.map((model, place) => ({ id: place + 20, app_label: 'NEMO', model }));
    for (const row of rows) this.contentTypes.put(row);
    this.contentTypes.put({ id: USAGE_EVENT_CONTENT_TYPE, app_label: 'NEMO', model: 'usageevent' });
  }

  hold(): void {
    for (const table of this.#tables()) table.hold();
  }

  commit(): void {
    for (const table of this.#tables()) table.commit();
  }

  rollBack(): void {
    for (const table of this.#tables()) table.rollBack();
  }

  #tables() {
    const { usageEvents, reservations, tools, users, projects, accounts } = this;
    return [usageEvents, reservations, tools, users, projects, accounts, this.adjustmentRequests];
  }
}
