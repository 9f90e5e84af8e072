import { effectiveBuildSettings } from '../config/effective-build-settings.js';
import type { Config } from '../config/schema.js';
import { listInstruments } from '../db/instrument-store.js';
import { toError } from '../errors.js';
import type { Log } from '../log.js';
import type { Application } from '../main.js';

/**
 * Says of each instrument whose settings are wrong how to correct them: its sessions are put off until then, those of the
 * others are built.
 */
export async function warnOfInstrumentSettings(
  { database }: Pick<Application, 'database'>,
  config: Config,
  log: Log,
): Promise<void> {
  for (const { pid, settings } of await database.createScope(() => listInstruments())) {
    try {
      effectiveBuildSettings(config, settings);
    } catch (error) {
      log.warn('The settings of an instrument are wrong; its sessions are put off.', {
        instrument: pid,
        remedy: `Correct them: recordsmith instruments set ${pid} --settings '{"build": {...}}'.`,
        error: toError(error),
      });
    }
  }
}
