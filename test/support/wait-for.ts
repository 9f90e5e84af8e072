/** Looks again every few milliseconds until `condition` gives something else than false, null or undefined. */
export async function waitFor<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  limitMs = 20_000,
): Promise<NonNullable<Value>> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > giveUpAt)
      throw new Error(`Waited ${limitMs} ms in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
