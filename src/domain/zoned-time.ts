import { DateTime, FixedOffsetZone, IANAZone, type DateTimeMaybeValid, type Zone } from 'luxon';

/** Length of the stretches of time for which an offset is remembered, and how many of them. */
const STRETCH_MS = 900_000;
const MOST_STRETCHES = 10_000;

/**
 * A zone that remembers its offsets: to ask the time zone data takes longer than all else that is done with a time, and the
 * times of one session lie close together.
 */
class RememberingZone extends IANAZone {
  readonly #offsets = new Map<number, number>();

  override offset(epochMs: number): number {
    const stretch = Math.floor(epochMs / STRETCH_MS);
    const known = this.#offsets.get(stretch);
    if (known !== undefined) return known;
    const start = super.offset(stretch * STRETCH_MS);
    // Within a stretch in which the clocks were changed each time is asked for.
    if (super.offset((stretch + 1) * STRETCH_MS - 1) !== start) return super.offset(epochMs);
    if (this.#offsets.size >= MOST_STRETCHES) this.#offsets.clear();
    this.#offsets.set(stretch, start);
    return start;
  }
}

const zones = new Map<string, Zone>();

/** The zone of an IANA name; it says itself whether it is one (isValid). */
export function zoneNamed(timezone: string): Zone {
  let zone = zones.get(timezone);
  if (zone === undefined) {
    // As luxon reads these names: their times are written with Z.
    const isUniversal = /^(utc|gmt)$/i.test(timezone);
    zone = isUniversal ? FixedOffsetZone.utcInstance : new RememberingZone(timezone);
    if (zone.isValid) zones.set(timezone, zone);
  }
  return zone;
}

/**
 * An instant in a zone, with English names of months and days: the locale of the machine changes nothing, and is not looked
 * up, which takes long.
 */
export function zonedTime(epochMs: number, timezone: string): DateTimeMaybeValid {
  return DateTime.fromMillis(epochMs, { zone: zoneNamed(timezone), locale: 'en-US' });
}
