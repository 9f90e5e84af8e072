import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { systemClock } from '../clock.js';
import type { BuildPolicy } from '../daemon/build-environment.js';
import { composeLookRequest, NO_SURROUNDINGS } from '../daemon/compose-look-request.js';
import type { GatheredDatasets } from '../daemon/gather-datasets.js';
import { countVerdicts, storeOf, type Look } from '../daemon/look-at-session.js';
import { groupDatasets } from '../daemon/make-record.js';
import { readDatasets } from '../daemon/read-datasets.js';
import { stagingPath } from '../daemon/staging.js';
import { filesOfDataset } from '../domain/dataset.js';
import type { Instrument } from '../domain/instrument.js';
import type { ExperimentRecord } from '../domain/record.js';
import type { Session } from '../domain/session.js';
import { AppError, isAppError, systemErrorCode } from '../errors.js';
import type { LookRequest } from '../files/look-request.js';
import { buildPolicyOf, loadRecordSchema, openReadersAndStores } from '../main.js';
import { buildRecord } from '../record/record-model.js';
import type { CommandContext } from './command-context.js';
import type { TryOptions } from './commands/try.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { ProgressLine } from './progress-line.js';
import { quietLog } from './quiet-log.js';
import { StopSignals } from './stop-signals.js';
import { folderForResults, folderToTry, type TryPaths } from './try-files.js';
import { writeTryOutputs } from './try-outputs.js';
import { noFilesFound, printTry, tryDocument } from './try-report.js';
import {
  instrumentNamedBy,
  tryConfig,
  tryInstrument,
  trySession,
  tryWindow,
  withTimesOf,
  type TryWindow,
} from './try-subject.js';

/** A trial that came through. */
export interface Trial {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  readonly record: ExperimentRecord;
  readonly look: Pick<Look, 'otherFileCount'>;
  readonly gathered: GatheredDatasets;
  readonly paths: TryPaths;
  readonly previewsLeftOut: number;
  readonly durationMs: number;
}

/** What a trial works with. */
interface Workshop extends ReturnType<typeof openReadersAndStores> {
  readonly context: CommandContext;
  readonly options: TryOptions;
  readonly folder: string;
  readonly window: TryWindow;
  readonly policy: BuildPolicy;
  /** A folder of its own for previews, removed at the end. */
  readonly workFolder: string;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
}

/** The one attempt there is. */
const ATTEMPT = { sessionKey: 'try', token: 1 } as const;

/** `recordsmith try`: the steps of a build on a folder, with no database; then a page of what came of it. */
export async function tryFolder(
  context: CommandContext,
  given: string,
  options: TryOptions,
): Promise<ExitCode> {
  const startedAt = performance.now();
  const window = tryWindow(options, systemClock.now().toMillis());
  const folder = await folderToTry(resolve(context.workingFolder, given));
  const out = await folderForResults(resolve(context.workingFolder, options.out ?? '.'), folder);
  const log = quietLog(context);
  const config = tryConfig(options);
  const signals = new StopSignals(log, 0);
  const workFolder = await makeWorkFolder();
  const progress = new ProgressLine(context.options.quiet !== true);
  const { readers, stores } = openReadersAndStores(config, log);
  try {
    const signal = signals.stopWork;
    const policy = buildPolicyOf(config, tryInstrument(null, options));
    const workshop: Workshop = {
      ...{
        readers,
        stores,
        context,
        options,
        folder,
        window,
        policy,
        workFolder,
        progress,
        signal,
      },
    };
    const trial = await make(workshop, out, startedAt);
    progress.clear();
    if (context.json) context.printJson(tryDocument(trial));
    else printTry(context, trial);
    return EXIT.done;
  } catch (error) {
    progress.clear();
    if (!signals.stopTaking.aborted) throw error;
    throw new AppError('ABORTED', 'The trial was stopped; nothing was written.');
  } finally {
    signals.dispose();
    await Promise.allSettled([readers.stop(), stores.stop()]);
    await rm(workFolder, { recursive: true, force: true });
    await log.close();
  }
}

async function makeWorkFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'recordsmith-try-'));
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `No folder can be made in ${tmpdir()}.`, {
      cause: error,
      remedy: 'Set TMPDIR to a folder with space that this user may write to.',
      details: { systemCode: systemErrorCode(error) ?? null },
    });
  }
}

async function make(workshop: Workshop, out: string, startedAt: number): Promise<Trial> {
  const { context, options, folder, window, policy, workFolder, progress, signal } = workshop;
  const asked = trySession(folder, window);
  const anyInstrument = tryInstrument(options.instrument ?? null, options);
  const { request, look } = await lookInto(workshop, asked, anyInstrument);
  const found = [...look.files, ...look.needsAcquiredTime];
  if (found.length > policy.sessionFileLimit) throw tooManyFiles(found.length, policy);
  // By their own times files are in the session that they make; by when they were written some may be found old.
  const session = options.times === 'acquired' ? asked : withTimesOf(asked, found, window);
  const gathered = await read(workshop, session, anyInstrument, request, look);
  if (gathered.datasets.length === 0) throw noFilesFound(folder, look, gathered.verdicts);

  const activities = await groupDatasets(gathered.datasets, policy);
  const named = options.instrument ?? instrumentNamedBy(gathered.datasets);
  const record = buildRecord({
    session: withTimesOf(asked, gathered.datasets.flatMap(filesOfDataset), window),
    instrument: tryInstrument(named, options),
    details: named === null ? titledByFolder(folder) : null,
    activities,
    warnings: [...window.warnings, ...look.warnings, ...gathered.warnings],
    annotations: [],
    verdictCounts: countVerdicts(gathered.verdicts),
  });
  progress.show('Writing the page...');
  const { paths, previewsLeftOut } = await writeTryOutputs({
    record,
    gathered,
    look,
    folder,
    stagedIn: stagingPath(join(workFolder, 'output'), ATTEMPT),
    out,
    replaces: options.force === true,
    validator: await loadRecordSchema(null),
    version: context.version,
    signal,
  });
  const durationMs = performance.now() - startedAt;
  return { folder, record, look, gathered, paths, previewsLeftOut, durationMs };
}

/** Nobody says which instrument it was: the folder names the record. */
function titledByFolder(folder: string) {
  return {
    title: `Session in the folder ${basename(folder)}`,
    reservationId: null,
    ref: null,
    experimenter: null,
    collaborators: [],
    motivation: null,
    samples: [],
    projects: [],
  };
}

async function lookInto(
  { folder, policy, stores, progress, signal }: Workshop,
  session: Session,
  instrument: Instrument,
): Promise<{ readonly request: LookRequest; readonly look: Look }> {
  progress.show('Looking for files...');
  const subject = { session, instrument, policy, dataPath: folder };
  const request = {
    ...composeLookRequest(subject, NO_SURROUNDINGS),
    // Files that say themselves when they were acquired may be copied at any time.
    acquiredWithinMs: Number.MAX_SAFE_INTEGER,
  };
  const look = await stores.look(storeOf(instrument), request, signal).catch((error: unknown) => {
    if (!isAppError(error) || error.details['limit'] !== 'memory') throw error;
    throw new AppError('LIMIT_EXCEEDED', `There are too many files in ${folder} for one session.`, {
      cause: error,
      remedy: 'Narrow it down with --from and --to, or name a folder below.',
    });
  });
  if (look.kind === 'looked') return { request, look };
  throw new AppError('FILE_UNREADABLE', look.reason, {
    remedy: 'Check the folder and its permissions.',
    details: { folder },
  });
}

async function read(
  { folder, policy, readers, stores, workFolder, progress, signal }: Workshop,
  session: Session,
  instrument: Instrument,
  request: LookRequest,
  look: Look,
): Promise<GatheredDatasets> {
  const count = look.files.length + look.needsAcquiredTime.length;
  const output = join(workFolder, 'output');
  return readDatasets({
    environment: {
      paths: { data: folder, output, records: join(workFolder, 'records') },
      readers,
      stores,
      validator: () => loadRecordSchema(null),
    },
    policy,
    attempt: ATTEMPT,
    session,
    instrument,
    request,
    look,
    recorded: [],
    // Nothing is tried again later: what cannot be read now is told so.
    acceptFailures: true,
    acceptChanges: true,
    now: () => systemClock.now().toMillis(),
    onFileRead: (done) => progress.show(`Reading files: ${done} of ${count}`),
    signal,
  });
}

function tooManyFiles(count: number, { sessionFileLimit }: BuildPolicy): AppError {
  return new AppError(
    'INPUT_INVALID',
    `${count} files are more than one session may have (${sessionFileLimit}).`,
    {
      remedy: 'Narrow it down with --from and --to, or name a folder below.',
    },
  );
}
