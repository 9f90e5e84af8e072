import { MessageChannel, MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { FolderList } from './list-folder.js';

/** A folder that the thread listed; null: it could not, the walk has to do it. */
export interface ListedFolder {
  readonly path: string;
  /** All names, with U+0000 between them, which is in none. */
  readonly list: (Omit<FolderList, 'names'> & { readonly joinedNames: string }) | null;
}

/** The list of a folder as the thread sent it. */
export function receivedList(list: NonNullable<ListedFolder['list']>): FolderList {
  return { ...list, names: list.kinds.length === 0 ? [] : list.joinedNames.split('\0') };
}

/** What the thread is started with. */
export interface ListerData {
  readonly port: MessagePort;
  /** One 32-bit number that counts the answers: the walk can wait for it to rise. */
  readonly answers: SharedArrayBuffer;
}

/** Folders handed out at a time, and how many such batches the thread has at hand. */
const BATCH = 32;
const MOST_BATCHES = 4;
/** Fewer folders than this are listed sooner than a thread starts. */
const WORTHWHILE_FOLDERS = 64;
/** It makes many short-lived objects: a larger nursery spares collecting them. */
const NURSERY_MB = 64;
/** How long the walk waits for an answer before it looks whether it is to stop, in milliseconds. */
const WAIT_MS = 50;

export function isListerData(value: unknown): value is ListerData {
  return (
    typeof value === 'object' &&
    value !== null &&
    'port' in value &&
    value.port instanceof MessagePort &&
    'answers' in value &&
    value.answers instanceof SharedArrayBuffer
  );
}

/** Whether a message is an answer of the thread: both ends are of one version, so this only guards against defects. */
function isAnswer(value: unknown): value is readonly ListedFolder[] {
  return Array.isArray(value);
}

/**
 * A second thread that lists folders of a large tree beside a walk, which takes the answers without leaving its
 * synchronous work. It starts when there is enough to do.
 */
export class FolderLister {
  #worker: Worker | null = null;
  #port: MessagePort | null = null;
  readonly #answers = new SharedArrayBuffer(4);
  readonly #count = new Int32Array(this.#answers);
  #answersSeen = 0;
  #batches = 0;
  #listedCount = 0;

  /** Whether answers are still due; no more when the thread was lost. */
  get isBusy(): boolean {
    return this.#batches > 0;
  }

  /** How many folders the thread has listed. */
  get listedCount(): number {
    return this.#listedCount;
  }

  /**
   * Takes folders off the list for the thread, those first that were met first: they hold the most.
   * @param folders that are still to be listed; only those whose path is text are taken
   */
  offer<Waiting extends { readonly path: unknown }>(folders: Waiting[]): Waiting[] {
    if (this.#batches >= MOST_BATCHES || folders.length < WORTHWHILE_FOLDERS) return [];
    const taken = folders.splice(0, BATCH);
    const texts = taken.flatMap(({ path }) => (typeof path === 'string' ? [path] : []));
    if (texts.length < taken.length) {
      folders.push(...taken);
      return [];
    }
    this.#start().postMessage(texts);
    this.#batches += 1;
    return taken;
  }

  /** The folders of the next answer; null: there is none yet. */
  poll(): readonly ListedFolder[] | null {
    if (this.#port === null || this.#batches === 0) return null;
    this.#answersSeen = Atomics.load(this.#count, 0);
    const received: unknown = receiveMessageOnPort(this.#port);
    if (typeof received !== 'object' || received === null || !('message' in received)) return null;
    this.#batches -= 1;
    const answer = isAnswer(received.message) ? received.message : [];
    this.#listedCount += answer.length;
    return answer;
  }

  /** Waits a little for an answer that was not there at the last poll, keeping this thread. */
  wait(): void {
    Atomics.wait(this.#count, 0, this.#answersSeen, WAIT_MS);
  }

  /** Ends the thread; it may take a moment until it is gone. */
  stop(): void {
    const worker = this.#worker;
    this.#port?.close();
    this.#fail();
    // Its exit code says nothing that matters.
    worker?.terminate().catch(ignore);
  }

  #start(): MessagePort {
    if (this.#port !== null) return this.#port;
    const { port1, port2 } = new MessageChannel();
    const workerData: ListerData = { port: port2, answers: this.#answers };
    this.#worker = new Worker(new URL('./lister-thread.js', import.meta.url), {
      workerData,
      transferList: [port2],
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: NURSERY_MB },
    });
    // What ends it costs only time: nothing of what it had at hand is lost, see FolderWalk.
    this.#worker.on('error', () => this.#fail());
    this.#worker.on('exit', () => this.#fail());
    this.#worker.unref();
    this.#port = port1;
    return port1;
  }

  #fail(): void {
    this.#port = null;
    this.#worker = null;
    this.#batches = 0;
  }
}

function ignore(): void {
  // A thread that cannot be ended ends with the process.
}
