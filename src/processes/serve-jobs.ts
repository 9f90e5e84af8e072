import { AppError } from '../errors.js';
import { AnswerBatch } from './answer-batch.js';
import {
  isMessageToChild,
  toPortableError,
  type AnswerToParent,
  type MessageToParent,
} from './pool-messages.js';

/** What a job gets besides its payload. */
export interface JobContext {
  /** Aborts when the parent no longer wants the answer. A job that goes on is killed shortly after. */
  readonly signal: AbortSignal;
}

/** A job of a pool's child: parses its payload, may throw anything, answers with what structured clone can carry. */
export type JobHandler = (payload: unknown, context: JobContext) => unknown;

/** What a handler throws for a payload that is not of its job: both ends are of one version, so this is a defect. */
export function noJob(): AppError {
  return new AppError('INTERNAL', 'A child process got a job that is none.');
}

/**
 * Makes this process the child of a ProcessPool: answers its jobs until the parent goes away. Call it once, at the end
 * of the entry file. SIGINT and SIGTERM are ignored, since a terminal's ^C reaches the whole process group and only
 * the parent knows what is to be finished.
 * @throws AppError USAGE when the process was not started by a pool.
 */
export function serveJobs(handlers: Readonly<Record<string, JobHandler>>): void {
  if (process.send === undefined) {
    throw new AppError('USAGE', 'This file is started by recordsmith itself.', {
      remedy: 'Start the recordsmith command instead.',
    });
  }
  const running = new Map<number, AbortController>();
  const batch = new AnswerBatch(sendAnswers);
  let last = Promise.resolve();
  process.on('SIGINT', ignore);
  process.on('SIGTERM', ignore);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: unknown) => {
    if (!isMessageToChild(message)) return;
    if (message.kind === 'abort') {
      running.get(message.id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(message.id, controller);
    // One after another, so that what a job takes of memory and time is its own.
    last = last
      .then(() => answerOf(handlers, message, controller.signal))
      .then((answer) => {
        running.delete(message.id);
        batch.add(answer, running.size === 0);
      });
  });
  send({ kind: 'ready' });
}

async function answerOf(
  handlers: Readonly<Record<string, JobHandler>>,
  message: { readonly id: number; readonly job: string; readonly payload: unknown },
  signal: AbortSignal,
): Promise<AnswerToParent> {
  const { id, job } = message;
  try {
    if (signal.aborted) throw new AppError('ABORTED', `Job ${job} was stopped before it began.`);
    const handler = Object.hasOwn(handlers, job) ? handlers[job] : undefined;
    if (handler === undefined) throw new AppError('INTERNAL', `No job is named "${job}".`);
    return { kind: 'result', id, value: await handler(message.payload, { signal }) };
  } catch (error) {
    return { kind: 'failed', id, error: toPortableError(error) };
  }
}

/** One answer that cannot be cloned must not cost the others. */
function sendAnswers(answers: readonly AnswerToParent[]): void {
  try {
    send({ kind: 'answers', answers });
  } catch {
    for (const answer of answers) {
      try {
        send({ kind: 'answers', answers: [answer] });
      } catch (error) {
        const failed = { kind: 'failed', id: answer.id, error: toPortableError(error) } as const;
        send({ kind: 'answers', answers: [failed] });
      }
    }
  }
}

/** @throws when the message cannot be cloned; a channel that is gone ends the process by 'disconnect'. */
function send(message: MessageToParent): void {
  if (process.connected) process.send?.(message, undefined, {}, ignore);
}

function ignore(): void {
  // The parent decides when this process ends.
}
