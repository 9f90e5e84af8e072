import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DateTime } from 'luxon';
import { insertInstrument } from '../db/instrument-store.js';
import { insertLog } from '../db/insert-log.js';
import { cancelSession } from '../db/cancel-session.js';
import { AppError, systemErrorCode, toError } from '../errors.js';
import { writeDemoContent } from './demo-contents.js';
import { DEMO_INSTRUMENTS, MISSING_FOLDER } from './demo-instruments.js';
import { SERVICE_USER, type DemoFile, type DemoSession } from './demo-plan.js';
import type { DemoSamples } from './demo-samples.js';

const CONFIG_FILE = 'recordsmith.yaml';
const DATA_FOLDER = 'data';
/** Written when everything else is: a folder with it is a whole lab. */
const MARKER_FILE = '.recordsmith-demo';

const MARKER = `This folder was made by 'recordsmith demo' and can be removed.\n`;

const CONFIG = `# Configuration of the demo lab: only what differs from the defaults.
# 'recordsmith config show --origin' lists every key, config/recordsmith.example.yaml explains them.

database:
  client: sqlite
  file: recordsmith.sqlite

paths:
  # The instruments' file store. Only read, never written to.
  data: ${DATA_FOLDER}
  # Previews and metadata files.
  output: output
  # The records.
  records: records
  state: state

rules:
  - name: service visits
    action: skip
    match:
      user: ${SERVICE_USER}

log:
  # info tells the story of each session on standard error.
  level: warn
`;

/** What a folder is, as far as the demo is concerned. */
export type DemoFolderState = 'free' | 'demo lab';

/** Absolute path of the lab's configuration file. */
export function demoConfigFile(folder: string): string {
  return join(folder, CONFIG_FILE);
}

/** The content of a text file; null: there is none. */
async function contentOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Whether a lab can be made in a folder or is there already.
 * @throws AppError INPUT_INVALID for a folder with anything else in it, FILE_UNREADABLE.
 */
export async function demoFolderState(folder: string): Promise<DemoFolderState> {
  try {
    if ((await namesIn(folder)).length === 0) return 'free';
    if ((await contentOf(join(folder, MARKER_FILE))) === MARKER) return 'demo lab';
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `${folder} cannot be looked into.`, {
      cause: toError(error),
      remedy: 'Name a new or empty folder: recordsmith demo --dir FOLDER.',
      details: { folder },
    });
  }
  throw new AppError('INPUT_INVALID', `${folder} is not empty and is no finished demo lab.`, {
    remedy:
      'Name a new or empty folder: recordsmith demo --dir FOLDER. What an interrupted demo left can be removed.',
    details: { folder },
  });
}

async function writing(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `The demo lab ${folder} cannot be written.`, {
      cause: toError(error),
      remedy: 'Name a folder on a disk with space that this user may write to: --dir FOLDER.',
      details: { folder },
    });
  }
}

/** Writes the configuration file. @throws AppError FILE_NOT_WRITABLE */
export function writeDemoConfig(folder: string): Promise<void> {
  return writing(folder, async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(demoConfigFile(folder), CONFIG, { flag: 'wx' });
  });
}

/** Says that the lab is whole, so that a later run takes it for one. @throws AppError FILE_NOT_WRITABLE */
export function markDemoLab(folder: string): Promise<void> {
  return writing(folder, () => writeFile(join(folder, MARKER_FILE), MARKER));
}

/** How many of the files written came from real instruments. */
export interface WrittenDemoFiles {
  readonly files: number;
  readonly realFiles: number;
}

/**
 * Writes the instruments' folders and the files of sessions with their staged times.
 * @param which the files that are there from the start, or those that come late
 * @throws AppError FILE_NOT_WRITABLE, FILE_UNREADABLE for a sample.
 */
export async function writeDemoFiles(
  folder: string,
  sessions: readonly DemoSession[],
  which: 'on time' | 'late',
  samples: DemoSamples | null,
): Promise<WrittenDemoFiles> {
  const data = join(folder, DATA_FOLDER);
  const folders = DEMO_INSTRUMENTS.flatMap((instrument) => instrument.folders)
    .map(({ path }) => path)
    .filter((path) => path !== MISSING_FOLDER);
  await writing(folder, async () => {
    for (const path of folders) await mkdir(join(data, path), { recursive: true });
  });
  let files = 0;
  let realFiles = 0;
  for (const session of sessions) {
    for (const [index, file] of session.files.entries()) {
      if (file.isLate !== (which === 'late')) continue;
      const sample = (await samples?.sampleOf(file.kind, index)) ?? null;
      const { kind } = file;
      // The picture was taken some seconds before its file was written.
      const acquired = file.written.minus({ seconds: 4 }).startOf('second');
      const content =
        sample ?? writeDemoContent({ kind, seed: files, acquired, user: session.user });
      await writing(folder, () => writeDemoFile(data, file, content));
      files += 1;
      if (sample !== null) realFiles += 1;
    }
  }
  return { files, realFiles };
}

async function writeDemoFile(data: string, file: DemoFile, content: Buffer): Promise<void> {
  const folder = join(data, file.folder);
  await mkdir(folder, { recursive: true });
  const path = Buffer.concat([Buffer.from(`${folder}/`, 'utf8'), file.name]);
  const kept = file.isTruncated ? Math.floor(content.length * 0.4) : content.length;
  await writeFile(path, content.subarray(0, kept), { flag: 'wx' });
  const seconds = file.written.toSeconds();
  await utimes(path, seconds, seconds);
}

/** Adds the instruments. Needs a unit of work. @throws AppError DATABASE_CONSTRAINT when they are there. */
export async function insertDemoInstruments(): Promise<void> {
  for (const instrument of DEMO_INSTRUMENTS) await insertInstrument(instrument);
}

/** Logs START and END of the sessions and cancels those that a person cancels. Needs a unit of work. */
export async function insertDemoSessions(sessions: readonly DemoSession[]): Promise<void> {
  for (const session of sessions) {
    await insertEvent(session, 'START', session.start);
    await insertEvent(session, 'END', session.end);
    if (session.cancelledBecause === null) continue;
    await cancelSession(session.identifier, { who: session.user, why: session.cancelledBecause });
  }
}

async function insertEvent(
  { identifier, instrumentPid, user }: DemoSession,
  eventType: 'START' | 'END',
  at: DateTime<true> | null,
): Promise<void> {
  if (at === null) return;
  await insertLog({
    sessionIdentifier: identifier,
    instrumentPid,
    eventType,
    at: at.toMillis(),
    user,
    source: 'demo',
  });
}
