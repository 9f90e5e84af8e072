import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAppError } from '../../errors.js';
import { writeUnfinished } from '../../record/write-file-durably.js';
import { fail, ok, warn, type CheckResult } from './check-result.js';
import { mountText, probeFolder, type DoctorEnvironment } from './doctor-environment.js';

const MIB = 1024n ** 2n;
/** Below this nothing can be relied on. */
const LEAST_BYTES = 100n * MIB;
/** Below this somebody should make room. */
const FEW_BYTES = 2048n * MIB;
const LEAST_FILES = 100n;
const FEW_FILES = 10_000n;

/** The folders that recordsmith writes to, by the key that names them. */
export function writtenFolders({ config }: DoctorEnvironment): Map<string, string> {
  const folders = new Map([
    ['paths.output', config.paths.output],
    ['paths.records', config.paths.records],
  ]);
  if (config.database.client === 'sqlite') {
    folders.set('database.file', dirname(config.database.file));
  }
  if (config.log.file.path !== null) folders.set('log.file.path', dirname(config.log.file.path));
  return folders;
}

/** Can everything be written that has to be, and is there room: tries it, and removes what it wrote. */
export async function* checkFolders(
  environment: DoctorEnvironment,
): AsyncGenerator<CheckResult, void, undefined> {
  for (const [key, path] of writtenFolders(environment)) {
    const found = await nearestFolder(environment, path);
    if (found.kind === 'away') {
      yield fail(`folder ${key}`, found.reason, 'Check that it is mounted and answers.');
      continue;
    }
    yield await checkWritable(environment, key, path, found.place);
    yield* checkSpace(key, found.place);
  }
}

/** The folder, or the nearest above it that exists. */
export async function nearestFolder(
  environment: DoctorEnvironment,
  path: string,
): Promise<
  | { readonly kind: 'there'; readonly place: string }
  | { readonly kind: 'away'; readonly reason: string }
> {
  for (let place = path; ; place = dirname(place)) {
    const probe = await probeFolder(environment, place);
    if (probe.kind === 'available') return { kind: 'there', place };
    if (probe.systemCode !== 'ENOENT' || dirname(place) === place) {
      return { kind: 'away', reason: probe.reason };
    }
  }
}

async function checkWritable(
  environment: DoctorEnvironment,
  key: string,
  path: string,
  place: string,
): Promise<CheckResult> {
  const check = `folder ${key}`;
  try {
    // Named as an unfinished file: were this process killed now, the clean-up would take it away.
    const trial = await writeUnfinished(join(place, 'doctor'), ['doctor']);
    await trial.discard();
  } catch (error) {
    if (!isAppError(error)) throw error;
    const remedy = error.remedy ?? 'Check the rights of the folder.';
    return fail(check, `${place} is not writable (${String(error.details['systemCode'])})`, remedy);
  }
  const mount = mountText(environment, path);
  return path === place
    ? ok(check, `${path} is writable${mount}`)
    : ok(check, `${path} is not there yet and can be made${mount}`);
}

/** Is there room for what has to be written. */
export async function* checkSpace(
  key: string,
  place: string,
): AsyncGenerator<CheckResult, void, undefined> {
  const check = `space ${key}`;
  const facts = await statfs(place, { bigint: true });
  const free = facts.bavail * facts.bsize;
  const text = `${free / MIB} MiB free`;
  if (free < LEAST_BYTES) yield fail(check, text, `Free some space on ${place}.`);
  else if (free < FEW_BYTES) yield warn(check, text, `Free some space on ${place} soon.`);
  else yield ok(check, text);
  // Some file systems (btrfs) know no such limit and say 0 of 0.
  if (facts.files === 0n || facts.ffree >= FEW_FILES) return;
  const left = `room for ${facts.ffree} more files only (inodes)`;
  const remedy = `Remove files from ${place}, or enlarge its file system.`;
  yield facts.ffree < LEAST_FILES ? fail(check, left, remedy) : warn(check, left, remedy);
}
