import type { Context, Signal } from './context.js';
import { FakeWebhook, type WebhookOptions } from './webhook.js';

/** The web hooks of the site and the transaction they may be ahead of. */
export class Webhooks {
  readonly #context: Context;
  readonly #hooks: FakeWebhook[] = [];
  #uncommitted: Signal[] | null = null;

  constructor(context: Context) {
    this.#context = context;
    context.signals.listen((signal) => this.#send(signal));
  }

  add(options: WebhookOptions): FakeWebhook {
    const hook = new FakeWebhook(this.#context, this.#hooks.length + 1, options);
    this.#hooks.push(hook);
    return hook;
  }

  /** From here on the API shows what was there before; hooks that do not wait for the commit tell of more. */
  holdCommits(): void {
    this.#context.database.hold();
    this.#uncommitted ??= [];
  }

  commit(): void {
    const signals = this.#uncommitted ?? [];
    this.#uncommitted = null;
    this.#context.database.commit();
    for (const hook of this.#hooks.filter(({ afterCommit }) => afterCommit))
      for (const signal of signals) hook.push(signal);
  }

  /** Nothing of it ever was, whatever was pushed. */
  rollBack(): void {
    this.#uncommitted = null;
    this.#context.database.rollBack();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.settled()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.close()));
  }

  #send(signal: Signal): void {
    const isHeld = this.#uncommitted !== null;
    this.#uncommitted?.push(signal);
    for (const hook of this.#hooks) if (!(isHeld && hook.afterCommit)) hook.push(signal);
  }
}
