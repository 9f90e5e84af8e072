import { escapeControls, maskSecrets } from '../../log-values.js';
import type { CommandContext } from '../command-context.js';
import { CHECK_STATES, type CheckResult, type CheckState } from './check-result.js';

const COLOURS: Readonly<Record<CheckState, string>> = { ok: '32', warn: '33', fail: '31' };
/** Columns of the states and names. */
const STATE_WIDTH = Math.max(...CHECK_STATES.map((state) => state.length));
const CHECK_WIDTH = 22;

/** What the checks found: lines as they come, or one JSON document at the end. */
export class DoctorReport {
  readonly counts: Record<CheckState, number> = { ok: 0, warn: 0, fail: 0 };
  readonly #context: CommandContext;
  readonly #results: CheckResult[] = [];

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** Takes the result of a check. */
  add(result: CheckResult): void {
    this.counts[result.state] += 1;
    if (this.#context.json) {
      this.#results.push({
        ...result,
        message: maskSecrets(result.message),
        remedy: result.remedy === null ? null : maskSecrets(result.remedy),
      });
    } else {
      this.#context.print(this.#lineOf(result));
    }
  }

  /** Takes the results of checks that find several things. */
  async addAll(results: AsyncIterable<CheckResult>): Promise<void> {
    for await (const result of results) this.add(result);
  }

  /** Prints what is to be printed at the end. */
  end(): void {
    const { ok, warn, fail } = this.counts;
    if (this.#context.json) this.#context.printJson({ checks: this.#results, counts: this.counts });
    else this.#context.note(`\n${ok} ok, ${warn} warnings, ${fail} failed`);
  }

  #lineOf({ check, state, message, remedy }: CheckResult): string {
    const word = state.padEnd(STATE_WIDTH);
    const shownWord = this.#context.colour ? `\u001b[${COLOURS[state]}m${word}\u001b[0m` : word;
    const indent = ' '.repeat(STATE_WIDTH + 2);
    const line = `${shownWord}  ${escapeControls(check).padEnd(CHECK_WIDTH)}  ${shown(message, indent)}`;
    return remedy === null ? line : `${line}\n${indent}remedy: ${shown(remedy, indent)}`;
  }
}

/** Each line of ours stays a line; control characters of others do not reach the terminal. */
function shown(text: string, indent: string): string {
  return maskSecrets(text).split('\n').map(escapeControls).join(`\n${indent}`);
}
