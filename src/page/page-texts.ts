import { DateTime } from 'luxon';
import type { MetadataValue } from '../domain/file-metadata.js';
import { zonedTime } from '../domain/zoned-time.js';

/** `1 file`, `2,000 files`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** A duration for people with its two largest parts: `2 h 13 min`, `45 s`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return milliseconds > 0 ? 'less than 1 s' : '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value.toLocaleString('en-US')} ${unit}`)
    .join(' ');
}

/** Times as the page writes them: local in the zone of the instrument, English whatever the machine's language. */
export class PageTimes {
  readonly #zone: string;

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** In the zone. */
  local(epochMs: number): DateTime {
    return zonedTime(epochMs, this.#zone);
  }

  /** `2026-11-21 09:05:07` */
  full(epochMs: number): string {
    return this.local(epochMs).toFormat('yyyy-MM-dd HH:mm:ss');
  }

  /** `2026-11-21T09:05:07.000+01:00`, for machines. */
  iso(epochMs: number): string {
    return this.local(epochMs).toISO() ?? '';
  }

  /** From one time to another, the date once where it is the same. */
  span(fromMs: number, toMs: number): string {
    const from = this.local(fromMs);
    const to = this.local(toMs);
    const end = from.hasSame(to, 'day') ? to.toFormat('HH:mm:ss') : this.full(toMs);
    return `${this.full(fromMs)} – ${end}`;
  }
}

/** A metadata value with its unit. Long lists are cut. */
export function valueText({ value, unit }: MetadataValue): string {
  const text =
    typeof value === 'object'
      ? listText(value)
      : typeof value === 'number'
        ? numberText(value)
        : String(value);
  return unit === undefined ? text : `${text} ${unit}`;
}

const MOST_LIST_ITEMS = 12;

function listText(list: readonly (string | number)[]): string {
  const shown = list
    .slice(0, MOST_LIST_ITEMS)
    .map((item) => (typeof item === 'number' ? numberText(item) : item));
  const rest = list.length - shown.length;
  return shown.join(', ') + (rest === 0 ? '' : `, … (${rest} more)`);
}

/** As many digits as mean something: readers convert units in floating point. */
function numberText(value: number): string {
  return String(Number(value.toPrecision(10)));
}
