import { InvalidArgumentError } from 'commander';
import { IANAZone } from 'luxon';
import { nearestName } from '../config/nearest-name.js';
import { AppError } from '../errors.js';

/** The known zone that a mistyped name most probably means (also `Berlin` for `Europe/Berlin`), or null. */
function nearestZone(name: string): string | null {
  const zones = Intl.supportedValuesOf('timeZone');
  const city = name.toLowerCase().replaceAll(' ', '_');
  const sameCity = zones.find((zone) => zone.toLowerCase().endsWith(`/${city}`));
  return sameCity ?? nearestName(name, zones);
}

/** Whether a text names an IANA zone. Newer engines take offsets for zones; they know no daylight saving. */
function isTimeZone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && IANAZone.isValidZone(name);
}

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
