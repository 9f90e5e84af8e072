import { resolve } from 'node:path';
import { effectiveBuildSettings } from '../config/effective-build-settings.js';
import type { Config } from '../config/schema.js';
import type { Instrument } from '../domain/instrument.js';
import { AppError, isAppError } from '../errors.js';
import { resolveInData } from '../files/look-roots.js';

/**
 * Checks what only the configuration can tell: the folders lie inside paths.data, the settings are keys of the
 * configuration.
 * @throws AppError INPUT_INVALID
 */
export function checkInstrument(config: Config, instrument: Instrument): void {
  for (const { path } of instrument.folders) resolveInData(resolve(config.paths.data), path);
  try {
    effectiveBuildSettings(config, instrument.settings);
  } catch (error) {
    throw new AppError('INPUT_INVALID', `The settings of ${instrument.pid} are wrong.`, {
      cause: error,
      remedy: 'Every key of `build` is described in config/recordsmith.example.yaml.',
      details: { instrument: instrument.pid },
    });
  }
}

/** Columns that no two instruments share, as their names stand in the constraints of both engines. */
const UNIQUE_COLUMNS = ['api_url', 'computer_name', 'computer_ip'];

/** What the database's refusal of an instrument means; another error comes back as it is. */
export function explainRefusal(error: unknown, pid: string): unknown {
  if (!isAppError(error) || error.code !== 'DATABASE_CONSTRAINT') return error;
  const { kind, constraint } = error.details;
  if (kind === 'foreign-key') {
    return new AppError(
      'INPUT_INVALID',
      `The instrument ${pid} has sessions in the log, so it cannot be removed.`,
      {
        cause: error,
        remedy: `End its harvest instead: recordsmith instruments set ${pid} --active no`,
        details: { instrument: pid },
      },
    );
  }
  if (kind !== 'unique') return error;
  const column = UNIQUE_COLUMNS.find((name) => String(constraint).includes(name));
  return column === undefined
    ? new AppError('INPUT_INVALID', `There is an instrument ${pid} already.`, {
        cause: error,
        remedy: `Change it: recordsmith instruments set ${pid} ...`,
        details: { instrument: pid },
      })
    : new AppError('INPUT_INVALID', `Another instrument has the ${column} given for ${pid}.`, {
        cause: error,
        remedy: `Every instrument has a ${column} of its own; see recordsmith instruments list.`,
        details: { instrument: pid, column },
      });
}
