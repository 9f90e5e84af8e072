import { IANAZone } from 'luxon';
import { nearestName } from './nearest-name.js';

/** Whether a text names an IANA zone. Newer engines take offsets for zones; they know no daylight saving. */
export function isTimeZone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && IANAZone.isValidZone(name);
}

/** The known zone that a mistyped name most probably means (also `Berlin` for `Europe/Berlin`), or null. */
export function nearestZone(name: string): string | null {
  const zones = Intl.supportedValuesOf('timeZone');
  const city = name.toLowerCase().replaceAll(' ', '_');
  const sameCity = zones.find((zone) => zone.toLowerCase().endsWith(`/${city}`));
  return sameCity ?? nearestName(name, zones);
}
