import { createLog, type ClosableLog } from '../log.js';
import type { CommandContext } from './command-context.js';

/** The log of a command whose answer the story of each session would drown; whoever wants it says --log-level info. */
export function quietLog({ options, environment }: CommandContext): ClosableLog {
  const level = options.logLevel ?? (options.quiet === true ? 'error' : 'warn');
  return createLog({ level, format: 'auto', file: null }, { environment });
}
