import type { StartChildOptions } from '../processes/start-child.js';

/** How a process that looks into a store is started. */
export function storeChild(memoryLimitBytes: number = 1024 ** 3): StartChildOptions {
  return {
    entry: new URL('./store-process.js', import.meta.url),
    // A walk makes millions of short-lived objects: a larger nursery halves the time spent on collecting them.
    execArgv: ['--max-semi-space-size=32'],
    memoryLimitBytes,
  };
}
