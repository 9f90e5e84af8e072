import { IANAZone } from 'luxon';
import { effectiveBuildSettings } from '../../config/effective-build-settings.js';
import type { Database } from '../../db/database.js';
import { listInstruments } from '../../db/instrument-store.js';
import type { Instrument, InstrumentFolder } from '../../domain/instrument.js';
import { isAppError } from '../../errors.js';
import { resolveInData } from '../../files/look-roots.js';
import { fail, failedBy, ok, warn, type CheckResult } from './check-result.js';
import { mountText, probeFolder, type DoctorEnvironment } from './doctor-environment.js';

/** Milliseconds: a folder that takes longer to answer makes every look slow. */
const SLOW_MS = 2000;
/** Folders looked at together. */
const AT_ONCE = 4;

/** Are the settings and time zone of each instrument valid, and its folders there. */
export async function* checkInstruments(
  environment: DoctorEnvironment,
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const instruments = await database.createScope(() => listInstruments());
  if (instruments.length === 0) {
    yield warn('instruments', 'there are none', 'Add one: recordsmith instruments add.');
  }
  const looks: (() => Promise<CheckResult>)[] = [];
  for (const instrument of instruments) {
    yield checkSettings(environment, instrument);
    for (const folder of instrument.folders) {
      looks.push(() => checkFolder(environment, instrument, folder));
    }
  }
  while (looks.length > 0) {
    // Several at a time: each folder that hangs costs its whole time limit.
    yield* await Promise.all(looks.splice(0, AT_ONCE).map((look) => look()));
  }
}

function checkSettings({ config }: DoctorEnvironment, instrument: Instrument): CheckResult {
  const { pid, timezone, settings } = instrument;
  const check = `instrument ${pid}`;
  if (!IANAZone.isValidZone(timezone)) {
    return fail(
      check,
      `'${timezone}' is no time zone that this machine knows`,
      `recordsmith instruments set ${pid} --timezone Europe/Berlin`,
    );
  }
  try {
    effectiveBuildSettings(config, settings);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return fail(
      check,
      error.message,
      `Correct them: recordsmith instruments set ${pid} --settings '{"build": {...}}'.`,
    );
  }
  return ok(check, `settings are valid, ${timezone}${instrument.active ? '' : ', inactive'}`);
}

/** Does a folder of an instrument answer, and hold what it did before. */
export async function checkFolder(
  environment: DoctorEnvironment,
  instrument: Instrument,
  folder: InstrumentFolder,
): Promise<CheckResult> {
  const check = `store ${instrument.pid}`;
  try {
    const path = resolveInData(environment.config.paths.data, folder.path);
    const probe = await probeFolder(environment, path);
    if (probe.kind === 'store-unavailable') {
      return fail(
        check,
        probe.reason,
        `Mount the store of ${instrument.pid} and check its rights.`,
      );
    }
    const facts = `${path}${mountText(environment, path)}`;
    if (probe.isEmpty) {
      return folder.rootSeenNonemptyAtMs === null
        ? warn(check, `${facts} is empty`, 'Check that this is the folder it writes to.')
        : fail(check, `${facts} is empty and held files before`, 'Is the store mounted?');
    }
    const took = `${Math.ceil(probe.durationMs)} ms`;
    return probe.durationMs > SLOW_MS
      ? warn(check, `${facts} took ${took} to answer`, 'Check the file server and the network.')
      : ok(check, `${facts} answers in ${took}`);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return failedBy(check, error);
  }
}
