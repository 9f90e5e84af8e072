/** How work under a time limit ended, where it did not end by itself. */
export interface TimeLimit {
  /** Aborts when the time is over or the outer signal aborts. */
  readonly signal: AbortSignal;
  /** The time was over first. */
  readonly isOver: boolean;
}

/**
 * Runs work that gets a signal which aborts after `milliseconds`, or with the outer signal. Made by hand, since of
 * AbortSignal.any the garbage collector of Node 20 can take what nobody else holds, and then it never fires.
 */
export async function withTimeLimit<Result>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (limit: TimeLimit) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const limit = { signal: controller.signal, isOver: false };
  const timer = setTimeout(
    () => {
      limit.isOver = !controller.signal.aborted;
      controller.abort();
    },
    Math.max(0, milliseconds),
  );
  const stop = (): void => controller.abort();
  outer?.addEventListener('abort', stop, { once: true });
  if (outer?.aborted === true) stop();
  try {
    return await work(limit);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
  }
}
