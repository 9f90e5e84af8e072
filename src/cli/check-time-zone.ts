import { InvalidArgumentError } from 'commander';
import { isTimeZone, nearestZone } from '../config/time-zone-name.js';
import { AppError } from '../errors.js';

/** The value of a zone option. @throws InvalidArgumentError of the command line's parser */
export function zoneOption(value: string): string {
  if (isTimeZone(value)) return value;
  throw new InvalidArgumentError('Give an IANA time zone such as Europe/Berlin.');
}

/**
 * An IANA zone name as it is kept.
 * @throws AppError INPUT_INVALID naming the value and the nearest zone.
 */
export function checkTimeZone(name: string): string {
  if (isTimeZone(name)) return name;
  const nearest = nearestZone(name);
  throw new AppError(
    'INPUT_INVALID',
    `'${name.slice(0, 64)}' is no IANA time zone${nearest === null ? '' : `; did you mean '${nearest}'?`}`,
    { remedy: 'Write it like Europe/Berlin or America/New_York.', details: { timezone: name } },
  );
}
