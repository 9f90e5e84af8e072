import { AppError, isAppError } from '../../errors.js';
import { EXTRACTORS } from '../registry.js';
import type { CommandReader, FacilityReaders } from '../../domain/facility-readers.js';
import type { ReaderClaim } from './reader-claim.js';

/** Asks a reader process; what it loads is not loaded here. */
export interface ReaderDescriber {
  modules(path: string): Promise<readonly ReaderClaim[]>;
  command(command: CommandReader): Promise<readonly ReaderClaim[]>;
}

/**
 * What the readers of the facility claim, in the order of the configuration.
 * @throws AppError CONFIG_INVALID naming every module and program that cannot be used; ABORTED.
 */
export async function describeFacilityReaders(
  readers: FacilityReaders,
  describer: ReaderDescriber,
): Promise<readonly ReaderClaim[]> {
  const claims: ReaderClaim[] = [];
  const faults: AppError[] = [];
  const places = new Map(EXTRACTORS.map(({ id }) => [id, 'recordsmith itself']));
  const take = async (key: string, ask: () => Promise<readonly ReaderClaim[]>): Promise<void> => {
    try {
      for (const claim of await ask()) {
        const other = places.get(claim.id);
        if (other !== undefined) {
          throw new AppError(
            'CONFIG_INVALID',
            `${key}: ${other} has a reader ${claim.id} already.`,
            {
              remedy: 'Give each reader a name of its own.',
            },
          );
        }
        places.set(claim.id, claim.path);
        claims.push(claim);
      }
    } catch (error) {
      if (!isAppError(error) || error.code === 'ABORTED') throw error;
      faults.push(describedFault(key, error));
    }
  };
  for (const [index, module] of readers.modules.entries()) {
    await take(`extract.readers[${index}]`, () => describer.modules(module));
  }
  for (const [index, command] of readers.commands.entries()) {
    await take(`extract.commands[${index}]`, () => describer.command(command));
  }
  const [first] = faults;
  if (first === undefined) return claims;
  if (faults.length === 1) throw first;
  const lines = faults.map(({ message, remedy = '' }) => `${message} ${remedy}`.trim());
  throw new AppError(
    'CONFIG_INVALID',
    `${faults.length} readers of the facility cannot be used:\n${lines.join('\n')}`,
    { remedy: 'Mend these and check with: recordsmith doctor.', details: { faults: lines } },
  );
}

/** A module that takes its process down, or does not end, while it is loaded is a fault of the configuration as well. */
function describedFault(key: string, error: AppError): AppError {
  if (error.code === 'CONFIG_INVALID') {
    const message = error.message.startsWith(key) ? error.message : `${key}: ${error.message}`;
    return new AppError('CONFIG_INVALID', message, {
      cause: error.cause,
      details: { ...error.details, key },
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    });
  }
  const { stderr } = error.details;
  const tail =
    typeof stderr === 'string' && stderr !== '' ? ` It wrote: ${stderr.slice(-500)}` : '';
  return new AppError(
    'CONFIG_INVALID',
    `${key}: loading it took its process down or too long: ${error.message}${tail}`,
    {
      cause: error,
      remedy: 'A module must not do anything while it is imported.',
      details: { key },
    },
  );
}
