/** An instant as both engines take it and give it back: `YYYY-MM-DDTHH:MM:SS.sssZ`. Fractions of a millisecond go. */
export function instantText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Epoch milliseconds of an instant column. */
export function instantMs(text: string): number {
  return Date.parse(text);
}

/** Epoch milliseconds of an instant column that may be empty. */
export function optionalInstantMs(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

/** The text of an instant that may be absent. */
export function optionalInstantText(epochMs: number | null): string | null {
  return epochMs === null ? null : instantText(epochMs);
}

/** The instants that a column can hold: the years 0001 to 9999, UTC. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Whether the epoch milliseconds are an instant that both engines take. */
export function isStorableInstant(epochMs: number): boolean {
  return epochMs >= FIRST_MS && epochMs <= LAST_MS;
}
