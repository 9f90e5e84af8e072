import type { AnswerToParent } from './pool-messages.js';

/** As many answers are sent at once. */
const MOST_ANSWERS = 16;
/** An answer waits so long for others, milliseconds. */
const LONGEST_WAIT_MS = 50;

/**
 * Collects answers, so that the parent is not woken for each of many small jobs: waking a process that sleeps takes longer
 * than some of them. An answer waits a moment at most, and only while there are other jobs.
 */
export class AnswerBatch {
  readonly #send: (answers: readonly AnswerToParent[]) => void;
  #answers: AnswerToParent[] = [];
  #firstAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(send: (answers: readonly AnswerToParent[]) => void) {
    this.#send = send;
  }

  /** @param isLast whether no other job waits in this process */
  add(answer: AnswerToParent, isLast: boolean): void {
    if (this.#answers.length === 0) this.#firstAtMs = performance.now();
    this.#answers.push(answer);
    // The timer alone is not enough: jobs that never wait for anything let none come.
    const isDue = performance.now() - this.#firstAtMs >= LONGEST_WAIT_MS;
    if (isLast || isDue || this.#answers.length >= MOST_ANSWERS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LONGEST_WAIT_MS);
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const answers = this.#answers;
    this.#answers = [];
    if (answers.length > 0) this.#send(answers);
  }
}
