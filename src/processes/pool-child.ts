import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { AppError, toError } from '../errors.js';
import {
  fromPortableError,
  isMessageToParent,
  type MessageToChild,
  type MessageToParent,
} from './pool-messages.js';
import { killDescendants, residentBytesOf } from './process-tree.js';
import { startChild, type StartChildOptions } from './start-child.js';

/** What a job came to in a child. */
export type ChildAnswer =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: AppError };

/** How a child ended. */
export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last part of what it wrote to stderr. */
  readonly stderr: string;
}

/** Who is told what a child does: the pool that has it. Never called from inside the constructor. */
export interface ChildOwner {
  readonly onReady: () => void;
  readonly onAnswer: (jobId: number, answer: ChildAnswer) => void;
  /** Called with the resident bytes of a working child above its limit. */
  readonly onMemoryExceeded: (residentBytes: number) => void;
  /** Called once, after the process ended and its stderr was read. */
  readonly onEnd: (end: ChildEnd) => void;
}

const STDERR_KEPT = 8192;
const MEMORY_CHECK_MS = 200;
/** How long stderr may stay open after the exit: a grandchild can hold it. */
const STDERR_GRACE_MS = 200;

/** One child process of a ProcessPool: starts it, talks to it, watches its memory while it works, reports its end. */
export class PoolChild {
  readonly start: StartChildOptions;
  /** Resolves with null when it is ready, or with how it ended before. */
  readonly started: Promise<ChildEnd | null>;
  #owner: ChildOwner;
  #settleStart: (end: ChildEnd | null) => void = () => undefined;
  readonly #process: ChildProcess;
  #stderr = '';
  #isReady = false;
  #ended = false;
  #memoryWatch: NodeJS.Timeout | null = null;

  constructor(start: StartChildOptions, ownerOf: (child: PoolChild) => ChildOwner) {
    this.start = start;
    this.#owner = ownerOf(this);
    this.started = new Promise((resolve) => {
      this.#settleStart = resolve;
    });
    this.#process = startChild(start);
    this.#listen();
    this.rest();
  }

  /** Undefined when the process could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it has loaded its code and takes jobs at once. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resident memory, bytes; 0 where the system does not tell. */
  get residentBytes(): number {
    return this.pid === undefined ? 0 : residentBytesOf([this.pid]);
  }

  /** From now on another pool is told. */
  handTo(ownerOf: (child: PoolChild) => ChildOwner): void {
    this.#owner = ownerOf(this);
  }

  /** Sends a message; a child that is gone reports its end by onEnd instead. */
  send(message: MessageToChild): void {
    if (this.#process.connected) {
      this.#process.send(message, (error) => {
        if (error !== null && !this.#ended) this.#process.kill('SIGKILL');
      });
    }
  }

  /** It has a job now: it keeps this process alive and its memory is watched. */
  work(): void {
    this.#process.ref();
    this.#process.channel?.ref();
    const limit = this.start.memoryLimitBytes;
    if (limit === null || this.#memoryWatch !== null) return;
    this.#memoryWatch = setInterval(() => {
      const bytes = this.residentBytes;
      if (bytes > limit) this.#owner.onMemoryExceeded(bytes);
    }, MEMORY_CHECK_MS);
    this.#memoryWatch.unref();
  }

  /** It has no job: it does not keep this process alive. */
  rest(): void {
    if (this.#memoryWatch !== null) clearInterval(this.#memoryWatch);
    this.#memoryWatch = null;
    this.#process.unref();
    this.#process.channel?.unref();
    if (this.#process.stderr instanceof Socket) this.#process.stderr.unref();
  }

  /** Keeps this process alive until the child has ended: for a stop that waits. */
  awaitEnd(): void {
    if (!this.#ended) this.#process.ref();
  }

  /** Ends it at once, with the programs that it started; the end is reported when the kernel lets it go. */
  kill(): void {
    if (this.pid !== undefined) {
      // Stopped, it starts no further ones meanwhile.
      this.#process.kill('SIGSTOP');
      killDescendants(this.pid);
    }
    this.#process.kill('SIGKILL');
  }

  /** Closes the channel, at which an idle child ends by itself. */
  dismiss(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Lets go of a child that the kernel does not end, so that nothing here waits for it. */
  abandon(): void {
    this.rest();
    this.dismiss();
    this.#process.stderr?.destroy();
  }

  #listen(): void {
    const stderr = this.#process.stderr;
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    this.#process.on('message', (message: unknown) => {
      if (isMessageToParent(message)) this.#receive(message);
    });
    this.#process.on('error', (error) => {
      this.#stderr += toError(error).message;
      // Without a process id the start itself failed and no exit follows.
      if (this.pid === undefined) this.#finish(null, null);
    });
    // The 'close' event would say both, but does not come after a disconnect of ours.
    this.#process.on('exit', (exitCode, signal) => {
      const finish = (): void => this.#finish(exitCode, signal);
      if (stderr?.readableEnded !== false) {
        finish();
        return;
      }
      stderr.once('end', finish);
      setTimeout(finish, STDERR_GRACE_MS);
    });
  }

  #receive(message: MessageToParent): void {
    if (this.#ended) return;
    if (message.kind === 'ready') {
      this.#isReady = true;
      this.#settleStart(null);
      this.#owner.onReady();
      return;
    }
    for (const answer of message.answers) {
      this.#owner.onAnswer(
        answer.id,
        answer.kind === 'result'
          ? { kind: 'result', value: answer.value }
          : { kind: 'failed', error: fromPortableError(answer.error) },
      );
    }
  }

  #finish(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.rest();
    const end: ChildEnd = { exitCode, signal, stderr: this.#stderr.trim() };
    this.#settleStart(end);
    this.#owner.onEnd(end);
  }
}
