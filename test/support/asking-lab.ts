import { PassThrough } from 'node:stream';
import { loadConfig } from '../../src/config/load-config.js';
import type { BuildReport } from '../../src/daemon/build-ending.js';
import { buildSession } from '../../src/daemon/build-session.js';
import { runPass } from '../../src/daemon/run-pass.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import type { Engine } from '../../src/db/dialect.js';
import { createLog } from '../../src/log.js';
import { openApplication, type Application } from '../../src/main.js';
import { startNautilus } from './fake-nemo/nautilus.js';
import type { JsonValue } from './fake-nemo/rows.js';
import type { FakeNemo } from './fake-nemo/start-fake-nemo.js';
import { createLab, type Lab, type LabSettings } from './lab.js';

/** How a use of the tool goes in a test. */
export interface UseOptions {
  /** Hours and minutes of 2 March 2026, UTC. */
  readonly from: string;
  readonly to: string;
  readonly tool?: number;
  readonly operator?: number;
  readonly training?: boolean;
  readonly remote?: boolean;
  readonly preRunData?: JsonValue;
  readonly answers?: JsonValue;
}

/** Pierre, Ned (staff), the tools and the first project of the Nautilus. */
export const NAUTILUS = { pierre: 2, ned: 3, stem: 1, tem: 2, project: 1 } as const;

/** Answers to questions in one form, as NEMO writes them. */
export function form(answers: Readonly<Record<string, JsonValue>>): JsonValue {
  const questions = Object.entries(answers).map(([name, input]) => [
    name,
    { type: 'textbox', name, title: name, user_input: input },
  ]);
  return Object.fromEntries(questions) as JsonValue;
}

/** A lab whose sessions are usage events of a fake NEMO; builds run in this process. */
export class AskingLab {
  readonly lab: Lab;
  readonly nemo: FakeNemo;
  /** What was logged. */
  logged = '';
  #application: Application | null = null;

  constructor(lab: Lab, nemo: FakeNemo) {
    this.lab = lab;
    this.nemo = nemo;
  }

  async open(): Promise<Application> {
    if (this.#application !== null) return this.#application;
    const { lab } = this;
    const { config } = loadConfig({
      file: lab.configFile,
      environment: {},
      workingFolder: lab.folder,
      flags: [],
    });
    const stream = new PassThrough();
    stream.on('data', (chunk: Buffer) => (this.logged += chunk.toString()));
    const log = createLog({ level: 'debug', format: 'json', file: null }, { stream });
    this.#application = await openApplication({ config, log, version: '0.1.0' });
    return this.#application;
  }

  /** Changes the configuration; what follows works with it. */
  async configure(settings: LabSettings): Promise<void> {
    this.lab.configure(settings);
    await this.close();
  }

  /** Pierre uses the tool; the session is logged as the harvester would. @returns its identifier. */
  async use(options: UseOptions): Promise<{ readonly id: number; readonly identifier: string }> {
    const { nemo } = this;
    const at = (time: string): string => `2026-03-02T${time}:00Z`;
    const tool = options.tool ?? NAUTILUS.tem;
    nemo.setNow(at(options.from));
    const { pierre, project } = NAUTILUS;
    const { id } = nemo.enable(tool, pierre, options.operator ?? pierre, project, {
      training: options.training ?? false,
      remote: options.remote ?? false,
      ...(options.preRunData === undefined ? {} : { preRunData: options.preRunData }),
    });
    nemo.setNow(at(options.to));
    nemo.disable(tool, options.answers === undefined ? {} : { answers: options.answers });
    const identifier = `${nemo.baseUrl}usage_events/?id=${id}`;
    await this.lab.log(identifier, {
      start: at(options.from),
      end: at(options.to),
      user: 'pierre',
    });
    return { id, identifier };
  }

  /** One pass over what is due, or over one session also when it is done. */
  async pass(identifier?: string): Promise<readonly BuildReport[]> {
    const { environment } = await this.open();
    if (identifier !== undefined) {
      await this.lab.database.createScope(() => retrySessions({ identifiers: [identifier] }));
    }
    const never = new AbortController().signal;
    const { reports } = await runPass(environment, {
      identifiers: identifier === undefined ? null : [identifier],
      instrumentPids: null,
      ignoreBackoff: true,
      concurrency: 1,
      stopTaking: never,
      stopWork: never,
      buildAlone: (one, how) => buildSession(environment, one, how),
    });
    return reports;
  }

  /** Builds one session. */
  async build(identifier: string): Promise<BuildReport> {
    const [report] = await this.pass(identifier);
    if (report === undefined) throw new Error(`${identifier} was not built.\n${this.logged}`);
    return report;
  }

  async close(): Promise<void> {
    await this.#application?.close();
    this.#application = null;
  }

  async remove(): Promise<void> {
    await this.close();
    await this.nemo.close();
    await this.lab.remove();
  }
}

/** Makes a lab with one source `nemo`. @param source settings of the source, over consent: required */
export async function createAskingLab(
  engine: Engine,
  source: LabSettings = {},
  settings: LabSettings = {},
): Promise<AskingLab> {
  const nemo = await startNautilus({ now: '2026-03-01T00:00:00Z' });
  const lab = await createLab({ engine, settings: { build: { previews: true }, ...settings } });
  lab.configure({
    sources: [
      {
        ...{ name: 'nemo', kind: 'nemo', url: nemo.baseUrl, token: nemo.token },
        ...{ consent: 'required', ...source },
      },
    ],
  });
  return new AskingLab(lab, nemo);
}
