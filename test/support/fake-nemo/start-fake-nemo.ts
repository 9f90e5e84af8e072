import { FakeClock } from './clock.js';
import { Signals, type Context } from './context.js';
import { Database, type ReadableTable } from './database.js';
import { facilityControls, type FacilityControls } from './facility-controls.js';
import { Failures, type Failure, type FailureScope } from './failures.js';
import { zoneNamed, type Instant, type Time } from './instants.js';
import { reservationControls, type ReservationControls } from './reservation-controls.js';
import { Router } from './router.js';
import type {
  AccountRow,
  AdjustmentRequestRow,
  ProjectRow,
  ReservationRow,
  ToolRow,
  UsageEventRow,
  UserRow,
} from './rows.js';
import { FakeServer, type OtherPaths, type SeenRequest } from './server.js';
import { settingsOf, type SettingsOptions } from './settings.js';
import { staffControls, type StaffControls } from './staff-controls.js';
import { Tokens } from './tokens.js';
import { toolControls, type ToolControls } from './tool-controls.js';
import type { FakeWebhook, WebhookOptions } from './webhook.js';
import { Webhooks } from './webhooks.js';

export interface FakeNemoOptions extends SettingsOptions {
  /** Where the clock stands; without it, it is the real time. */
  readonly now?: Time;
  /** @default a free one */
  readonly port?: number;
}

/** What a test may look at. */
export interface FakeNemoState {
  readonly usageEvents: ReadableTable<UsageEventRow>;
  readonly reservations: ReadableTable<ReservationRow>;
  readonly tools: ReadableTable<ToolRow>;
  readonly users: ReadableTable<UserRow>;
  readonly projects: ReadableTable<ProjectRow>;
  readonly accounts: ReadableTable<AccountRow>;
  readonly adjustmentRequests: ReadableTable<AdjustmentRequestRow>;
}

export interface FakeNemoServer {
  /** Ends in /api/. */
  readonly baseUrl: string;
  /** Of a service account that may read everything and write usage events. */
  readonly token: string;
  readonly tokens: Tokens;
  readonly state: FakeNemoState;
  /** All requests so far, the oldest first. */
  readonly requests: readonly SeenRequest[];
  now(): Instant;
  advance(milliseconds: number): void;
  /** Stops the clock there. */
  setNow(time: Time): void;
  /** As the time zone plugin does it, also between two answers. */
  setTimeZone(name: string): void;
  /** Calls the listener before each answer is made; null takes it back. */
  beforeAnswer(listener: ((path: string) => void) | null): void;
  /** Answers paths outside /api/. */
  serveOtherPaths(otherPaths: OtherPaths): void;
  fail(failure: Failure, scope?: FailureScope): void;
  /** No more planned failures. */
  recover(): void;
  /** The port is closed: connections are refused. */
  goDown(): Promise<void>;
  /** The same port is open again. */
  comeUp(): Promise<void>;
  /** Pushes what is saved and deleted from here on. */
  addWebhook(options: WebhookOptions): FakeWebhook;
  /** Opens a transaction: the API shows nothing of what follows, web hooks may tell of it already. */
  holdCommits(): void;
  commit(): void;
  /** What followed holdCommits() never was. */
  rollBack(): void;
  /** Waits for the deliveries under way, with their retries. */
  settled(): Promise<void>;
  /** Gives up deliveries under way and closes the port. */
  close(): Promise<void>;
}

export type FakeNemo = FakeNemoServer &
  ToolControls &
  StaffControls &
  FacilityControls &
  ReservationControls;

/** Starts a NEMO that is none: the REST API with its quirks, and controls for what people do at a facility. */
export async function startFakeNemo(options: FakeNemoOptions = {}): Promise<FakeNemo> {
  const context: Context = {
    database: new Database(),
    settings: settingsOf(options),
    clock: new FakeClock(options.now),
    signals: new Signals(),
  };
  const tokens = new Tokens();
  const webhooks = new Webhooks(context);
  const failures = new Failures();
  const server = new FakeServer(new Router(context, tokens), failures);
  await server.open(options.port ?? 0);
  return {
    baseUrl: `http://127.0.0.1:${server.port}/api/`,
    token: tokens.add(),
    tokens,
    state: context.database,
    requests: server.requests,
    now: () => context.clock.now(),
    advance: (milliseconds) => context.clock.advance(milliseconds),
    setNow: (time) => context.clock.set(time),
    setTimeZone: (name) => {
      context.settings.zone = zoneNamed(name);
    },
    beforeAnswer: (listener) => {
      server.beforeAnswer = listener;
    },
    serveOtherPaths: (otherPaths) => {
      server.otherPaths = otherPaths;
    },
    fail: (failure, scope = {}) => failures.plan(failure, scope),
    recover: () => failures.recover(),
    goDown: () => server.close(),
    comeUp: () => server.open(),
    addWebhook: (options) => webhooks.add(options),
    holdCommits: () => webhooks.holdCommits(),
    commit: () => webhooks.commit(),
    rollBack: () => webhooks.rollBack(),
    settled: () => webhooks.settled(),
    close: async () => {
      await webhooks.close();
      await server.close();
    },
    ...toolControls(context),
    ...staffControls(context),
    ...facilityControls(context),
    ...reservationControls(context),
  };
}
