import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { DateTime } from 'luxon';
import { stringify } from 'yaml';
import { openDatabase, type Database } from '../../src/db/database.js';
import { parseDatabaseUrl } from '../../src/db/database-settings.js';
import type { Engine } from '../../src/db/dialect.js';
import { writeMsa } from '../../src/demo/write-msa.js';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import type { Instrument } from '../../src/domain/instrument.js';
import { runCli, type CliResult } from '../cli/run-cli.js';
import { createTestDatabase, type TestDatabase } from './databases.js';
import { RunningCli } from './running-cli.js';
import { addInstrument, logSession } from './session-rows.js';

/** Keys of the configuration file, as far as a test sets them. */
export type LabSettings = Readonly<Record<string, unknown>>;

export interface LabOptions {
  readonly engine: Engine;
  /** Over the settings of the lab, group by group. */
  readonly settings?: LabSettings;
  /** Instruments with a folder of their own name. @default titan */
  readonly instruments?: readonly (string | (Partial<Instrument> & { readonly pid: string }))[];
}

/** Settings of a lab whose daemon serves HTTP on a port of its own. */
export const SERVES_HTTP = { http: { enabled: true } } as const satisfies LabSettings;

/** Where the daemon listens, as it last said in its log. Waits until it has said so `times` times. */
export async function httpAddress(daemon: RunningCli, times = 1): Promise<string> {
  await daemon.saw('The HTTP interface listens.', times);
  // The rest of the line follows at once; the next one shows that it is whole.
  await daemon.saw(times === 1 ? 'recordsmith is running.' : 'The configuration was read again.');
  const [, address] =
    [...daemon.stderr.matchAll(/interface listens\."?,? ?"?address"?[:=]"?([^"\s]+)/g)].at(-1) ??
    [];
  if (address === undefined) throw new Error(`No address in:\n${daemon.stderr}`);
  return address;
}

/** One session as `--run-once --json` prints it. */
export interface ReportedSession {
  readonly session_identifier: string;
  readonly session_key: string;
  readonly instrument: string;
  readonly start: string;
  readonly end: string;
  readonly user: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly files: number;
  readonly activities: number;
  readonly record: string | null;
  readonly version: number | null;
  readonly duration_ms: number;
}

/** What `--run-once --json` came to. */
export interface RunOnceResult extends CliResult {
  readonly sessions: readonly ReportedSession[];
  readonly counts: Readonly<Record<string, number>>;
}

/** An instant: ISO text with its zone, or epoch milliseconds. */
export type LabTime = string | number;

function epochMs(time: LabTime): number {
  if (typeof time === 'number') return time;
  const read = DateTime.fromISO(time, { zone: 'utc' });
  if (!read.isValid) throw new Error(`'${time}' is no time.`);
  return read.toMillis();
}

function isGroup(value: unknown): value is LabSettings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(base: LabSettings, over: LabSettings): LabSettings {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isGroup(below) && isGroup(value) ? merged(below, value) : value;
  }
  return result;
}

/** A facility in a temporary folder: configuration, database, instruments, files; the command line runs on it. */
export class Lab {
  readonly engine: Engine;
  /** Absolute, without symbolic links. The working folder of the command line. */
  readonly folder: string;
  readonly databaseUrl: string;
  /** The lab's database, opened by the test itself. */
  readonly database: Database;
  #settings: LabSettings;
  readonly #testDatabase: TestDatabase;
  readonly #running: RunningCli[] = [];

  constructor(
    options: LabOptions,
    made: { readonly folder: string; readonly test: TestDatabase; readonly database: Database },
  ) {
    this.engine = options.engine;
    this.folder = made.folder;
    this.databaseUrl = made.test.url;
    this.database = made.database;
    this.#testDatabase = made.test;
    const address = parseDatabaseUrl(made.test.url);
    const labSettings: LabSettings = {
      database:
        address.client === 'sqlite'
          ? { client: 'sqlite', file: address.file }
          : { client: 'postgres', url: address.url },
      // Files need not be quiet first: tests set their times.
      build: { settle_time_s: 0 },
      log: { format: 'json', level: 'info' },
      // Many daemons run on one machine. A test that asks one takes `SERVES_HTTP` and `httpAddress`.
      http: { enabled: false, port: 0 },
    };
    this.#settings = merged(labSettings, options.settings ?? {});
    for (const name of ['data', 'output', 'records', 'state']) mkdirSync(join(made.folder, name));
    this.configure({});
  }

  /** paths.data */
  get data(): string {
    return join(this.folder, 'data');
  }

  /** paths.output */
  get output(): string {
    return join(this.folder, 'output');
  }

  /** paths.records */
  get records(): string {
    return join(this.folder, 'records');
  }

  get configFile(): string {
    return join(this.folder, 'recordsmith.yaml');
  }

  /** Changes settings and writes the configuration file anew. */
  configure(settings: LabSettings): void {
    this.#settings = merged(this.#settings, settings);
    // It may hold the address of a database with its password: nobody else may read it.
    writeFileSync(this.configFile, stringify(this.#settings), { mode: 0o600 });
  }

  /** Adds an instrument with a folder of its own name, which is made. */
  async addInstrument(pid: string, changes: Partial<Instrument> = {}): Promise<void> {
    mkdirSync(join(this.data, pid), { recursive: true });
    await addInstrument(this.database, pid, changes);
  }

  /** Writes a file below paths.data, last written at a time. @returns its absolute path. */
  write(location: string, at: LabTime, content: string | Buffer = 'x'): string {
    const path = join(this.data, location);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, epochMs(at) / 1000, epochMs(at) / 1000);
    return path;
  }

  /** Writes a small EDS spectrum (.msa) that was acquired when it was written. @returns its absolute path. */
  spectrum(location: string, at: LabTime, fields: Readonly<Record<string, number>> = {}): string {
    const content = writeMsa({
      title: location,
      owner: 'ada',
      acquired: utc(at),
      signalType: 'EDS',
      offset: 0,
      channelWidth: 10,
      xUnit: 'eV',
      yUnit: 'counts',
      values: Array.from({ length: 64 }, (_, channel) => (channel * 7) % 31),
      fields: { BEAMKV: 200, ...fields },
    });
    return this.write(location, at, content);
  }

  /** Writes a small SEM picture (.tif) that says when it was acquired. @returns its absolute path. */
  image(location: string, at: LabTime, acquired = at): string {
    const content = writeFeiTiff({
      width: 16,
      height: 16,
      pixels: Uint8Array.from({ length: 256 }, (_, pixel) => pixel),
      acquired: utc(acquired),
      sections: { Beam: { Beam: 'EBeam' }, EBeam: { HV: 5000 } },
    });
    return this.write(location, at, content);
  }

  /** Logs START and, when it is given, END of a session on `titan` by `ada`, unless said otherwise. */
  async log(
    identifier: string,
    session: {
      readonly start: string;
      readonly end?: string;
      readonly instrument?: string;
      readonly user?: string;
    },
  ): Promise<void> {
    await logSession(this.database, identifier, session);
  }

  /** Runs one command to its end. */
  run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    return runCli(this.folder, [...args, '--config', this.configFile], environment);
  }

  /** `--run-once --json`. @throws Error when it printed no document. */
  async runOnce(
    args: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<RunOnceResult> {
    const result = await this.run(['--run-once', '--json', ...args], environment);
    if (result.stdout === '') {
      throw new Error(`--run-once ended with ${String(result.code)}:\n${result.stderr}`);
    }
    const document = JSON.parse(result.stdout) as Pick<RunOnceResult, 'sessions' | 'counts'>;
    return { ...result, sessions: document.sessions, counts: document.counts };
  }

  /** Starts a command and lets it run. What still runs at the end of the lab is killed. */
  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningCli {
    const running = new RunningCli(
      this.folder,
      [...args, '--config', this.configFile],
      environment,
    );
    this.#running.push(running);
    return running;
  }

  /** All files below a folder of the lab, relative to it, sorted. */
  files(folder: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** The text of a file. */
  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  /** Ends what runs and removes everything. */
  async remove(): Promise<void> {
    for (const running of this.#running) await running.end();
    await this.database.close();
    await this.#testDatabase.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A time of the lab, for the writers of instrument files. */
export function utc(at: LabTime): DateTime<true> {
  const time = DateTime.fromMillis(epochMs(at), { zone: 'utc' });
  if (!time.isValid) throw new Error(`'${at}' is no time.`);
  return time;
}

/** Makes a lab on an engine with its database migrated and its instruments there. */
export async function createLab(options: LabOptions): Promise<Lab> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = realpathSync(mkdtempSync(join(parent, 'recordsmith-lab-')));
  const test = await createTestDatabase(options.engine);
  const lab = new Lab(options, { folder, test, database: await openDatabase(test.url) });
  for (const instrument of options.instruments ?? ['titan']) {
    if (typeof instrument === 'string') await lab.addInstrument(instrument);
    else await lab.addInstrument(instrument.pid, instrument);
  }
  return lab;
}
