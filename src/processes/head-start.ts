import type { ChildProcess } from 'node:child_process';
import { isMessageToParent } from './pool-messages.js';
import { startChild, type StartChildOptions } from './start-child.js';

interface EarlyChild {
  readonly options: StartChildOptions;
  readonly process: ChildProcess;
  isReady: boolean;
}

/**
 * Children started before it is known for certain what they are to do, so that they load their code while their parent
 * loads its own. A pool that starts a child of the same kind takes one of these instead.
 */
export class HeadStart {
  #children: EarlyChild[] = [];

  /** Starts a child. It does not keep this process alive. */
  start(options: StartChildOptions): void {
    const process = startChild(options);
    const child: EarlyChild = { options, process, isReady: false };
    process.on('message', (message) => {
      if (isMessageToParent(message) && message.kind === 'ready') child.isReady = true;
    });
    process.on('error', () => this.#forget(child));
    process.on('exit', () => this.#forget(child));
    process.unref();
    process.channel?.unref();
    this.#children.push(child);
  }

  /** Gives away a child of this kind; null: there is none. */
  take(
    options: StartChildOptions,
  ): { readonly process: ChildProcess; readonly isReady: boolean } | null {
    const child = this.#children.find((one) => isSame(one.options, options));
    if (child === undefined) return null;
    this.#forget(child);
    child.process.removeAllListeners('message').removeAllListeners('error');
    child.process.removeAllListeners('exit');
    return child;
  }

  /** Ends the children that nobody took. */
  dispose(): void {
    for (const { process } of this.#children.splice(0)) process.kill('SIGKILL');
  }

  #forget(child: EarlyChild): void {
    this.#children = this.#children.filter((one) => one !== child);
  }
}

function isSame(a: StartChildOptions, b: StartChildOptions): boolean {
  return (
    a.entry.href === b.entry.href &&
    a.memoryLimitBytes === b.memoryLimitBytes &&
    a.execArgv.join(' ') === b.execArgv.join(' ')
  );
}
