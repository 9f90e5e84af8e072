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
