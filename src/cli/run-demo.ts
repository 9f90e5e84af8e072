import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.js';
import { loadConfig } from '../config/load-config.js';
import type { Config } from '../config/schema.js';
import { repairPublications } from '../daemon/publish-record-version.js';
import { runPass } from '../daemon/run-pass.js';
import { retrySessions } from '../db/retry-sessions.js';
import { LATE_FILE_SESSION, planDemo, type DemoSession } from '../demo/demo-plan.js';
import { DemoSamples } from '../demo/demo-samples.js';
import { listDemoSessions, type ListedDemoSession } from '../demo/list-demo-sessions.js';
import {
  demoConfigFile,
  demoFolderState,
  insertDemoInstruments,
  insertDemoSessions,
  markDemoLab,
  writeDemoConfig,
  writeDemoFiles,
  type WrittenDemoFiles,
} from '../demo/make-demo-lab.js';
import { AppError } from '../errors.js';
import { openApplication, type Application } from '../main.js';
import { buildAloneWith } from './build-alone.js';
import type { CommandContext } from './command-context.js';
import type { DemoOptions } from './commands/demo.js';
import { demoDocument, printDemo } from './demo-report.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { quietLog } from './quiet-log.js';
import { StopSignals } from './stop-signals.js';

/** Where a clone keeps the sample files; an installed package has none. */
const CLONE_SAMPLES = fileURLToPath(new URL('../../.cache/samples/', import.meta.url));

/** What became of the lab's files in this run. */
export interface DemoMade extends WrittenDemoFiles {
  /** Folder of the samples; null: every file was written by ourselves. */
  readonly samplesFolder: string | null;
}

/** A lab that was built. */
export interface DemoLab {
  /** Absolute. */
  readonly folder: string;
  readonly config: Config;
  /** Null: the lab was there already. */
  readonly made: DemoMade | null;
  readonly sessions: readonly ListedDemoSession[];
}

/** `recordsmith demo`: makes the lab unless it is there, builds what is due, shows how everything came out. */
export async function runDemo(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  if (context.options.config !== undefined) {
    throw new AppError(
      'USAGE',
      'The demo writes a configuration of its own: --config means nothing here.',
      {
        remedy: 'Leave --config away; --dir names the folder of the lab.',
      },
    );
  }
  const folder = resolve(context.workingFolder, options.dir);
  const state = await demoFolderState(folder);
  const samples = state === 'free' ? await samplesOf(context, options) : null;
  const log = quietLog(context);
  const signals = new StopSignals(log, 0);
  try {
    if (state === 'free') await writeDemoConfig(folder);
    const config = configOf(folder);
    const application = await openApplication({ config, log, version: context.version });
    try {
      const made =
        state === 'free'
          ? await makeAndBuild(context, application, folder, samples, signals)
          : null;
      if (made === null) await build(context, application, null, signals);
      const openSinceMs = systemClock.now().toMillis() - config.build.problem_age_hours * 3_600_000;
      const sessions = await application.database.createScope(() => listDemoSessions(openSinceMs));
      const lab: DemoLab = { folder, config, made, sessions };
      if (context.json) context.printJson(demoDocument(lab));
      else printDemo(context, lab);
      return EXIT.done;
    } finally {
      await application.close();
    }
  } finally {
    signals.dispose();
    await log.close();
  }
}

/** A configuration that depends on nothing but the lab: a variable that names a real database must not count. */
function configOf(folder: string): Config {
  return loadConfig({ file: demoConfigFile(folder), environment: {}, workingFolder: folder })
    .config;
}

async function samplesOf(
  context: CommandContext,
  { samples }: DemoOptions,
): Promise<DemoSamples | null> {
  if (samples === false) return null;
  if (samples === true) return DemoSamples.in(CLONE_SAMPLES);
  const folder = resolve(context.workingFolder, samples);
  const found = await DemoSamples.in(folder);
  if (found !== null) return found;
  throw new AppError(
    'INPUT_INVALID',
    `${folder} holds none of the sample files that the demo knows.`,
    {
      remedy: 'Name the folder with the test data of RosettaSciIO, or leave --samples away.',
      details: { folder },
    },
  );
}

async function makeAndBuild(
  context: CommandContext,
  application: Application,
  folder: string,
  samples: DemoSamples | null,
  signals: StopSignals,
): Promise<DemoMade> {
  const { database } = application;
  const plan: readonly DemoSession[] = planDemo(systemClock.now());
  const onTime = await writeDemoFiles(folder, plan, 'on time', samples);
  await database.createScope(async () => {
    await insertDemoInstruments();
    await insertDemoSessions(plan);
  });
  await build(context, application, null, signals);
  const late = await writeDemoFiles(folder, plan, 'late', samples);
  await database.createScope(() => retrySessions({ identifiers: [LATE_FILE_SESSION] }));
  await build(context, application, [LATE_FILE_SESSION], signals);
  await markDemoLab(folder);
  const realFiles = onTime.realFiles + late.realFiles;
  return {
    files: onTime.files + late.files,
    realFiles,
    samplesFolder: samples === null || realFiles === 0 ? null : samples.folder,
  };
}

/** @throws AppError ABORTED when a signal stopped the pass. */
async function build(
  context: CommandContext,
  { environment }: Application,
  identifiers: readonly string[] | null,
  signals: StopSignals,
): Promise<void> {
  await repairPublications(environment);
  await runPass(environment, {
    identifiers,
    instrumentPids: null,
    ignoreBackoff: true,
    concurrency: 2,
    stopTaking: signals.stopTaking,
    stopWork: signals.stopWork,
    buildAlone: buildAloneWith(environment, context, { alone: true }),
  });
  if (signals.stopTaking.aborted) {
    throw new AppError('ABORTED', 'The demo was stopped before it was done.', {
      remedy: 'Remove its folder, or name another one with --dir, and start it again.',
    });
  }
}
