/** What came of work with a time limit. */
export type TimedResult<Result> =
  { readonly kind: 'done'; readonly result: Result } | { readonly kind: 'late' };

/** Waits for work, but not longer than `limitMs`. What is late goes on by itself; its error, if any, tells nobody. */
export async function withinTime<Result>(
  work: Promise<Result>,
  limitMs: number,
): Promise<TimedResult<Result>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<TimedResult<Result>>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'late' }), limitMs);
  });
  try {
    return await Promise.race([
      work.then((result): TimedResult<Result> => ({ kind: 'done', result })),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
