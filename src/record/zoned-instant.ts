import { zonedTime } from '../domain/zoned-time.js';
import { AppError } from '../errors.js';

/**
 * An instant as every text of a record has it: ISO 8601 with the offset of the instrument's zone at that instant.
 * @throws AppError TIME_INVALID
 */
export function zonedInstant(epochMs: number, timezone: string): string {
  const instant = zonedTime(epochMs, timezone);
  if (!instant.isValid) {
    throw new AppError('TIME_INVALID', `${epochMs} ms in zone "${timezone}" is no time.`, {
      remedy: "Set the instrument's time zone to an IANA name such as Europe/Berlin.",
      details: { epochMs, timezone },
    });
  }
  return instant.toISO();
}
