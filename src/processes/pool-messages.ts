import { AppError, isAppError, toError, type ErrorCode } from '../errors.js';

/** What a process pool tells its child. */
export type MessageToChild =
  | { readonly kind: 'job'; readonly id: number; readonly job: string; readonly payload: unknown }
  | { readonly kind: 'abort'; readonly id: number };

/** What a child tells its process pool. */
export type MessageToParent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answers'; readonly answers: readonly AnswerToParent[] };

/** What a job came to. */
export type AnswerToParent =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PortableError };

/** An error as plain values, so that it survives the way between processes. */
export interface PortableError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** Message and stack of what lay below; undefined: nothing did. */
  readonly cause: { readonly message: string; readonly stack: string | undefined } | undefined;
}

/** Makes plain values of a caught value. What is no AppError is a defect: INTERNAL with the thrown error as cause. */
export function toPortableError(value: unknown): PortableError {
  if (!isAppError(value)) {
    const error = toError(value);
    return {
      code: 'INTERNAL',
      message: error.message,
      remedy: undefined,
      details: {},
      cause: { message: error.message, stack: error.stack },
    };
  }
  const cause = value.cause === undefined ? undefined : toError(value.cause);
  return {
    code: value.code,
    message: value.message,
    remedy: value.remedy,
    details: cloneable(value.details),
    cause: cause && { message: cause.message, stack: cause.stack },
  };
}

/** The AppError that toPortableError took apart in another process. */
export function fromPortableError(portable: PortableError): AppError {
  let cause: Error | undefined;
  if (portable.cause !== undefined) {
    cause = new Error(portable.cause.message);
    if (portable.cause.stack !== undefined) cause.stack = portable.cause.stack;
  }
  return new AppError(portable.code, portable.message, {
    details: portable.details,
    ...(portable.remedy === undefined ? {} : { remedy: portable.remedy }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Details without what cannot cross (functions, handles): these become their text. */
function cloneable(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => {
      try {
        return [name, structuredClone(value)];
      } catch {
        return [name, String(value)];
      }
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether a received value is a message to a child. */
export function isMessageToChild(value: unknown): value is MessageToChild {
  if (!isObject(value) || typeof value['id'] !== 'number') return false;
  return value['kind'] === 'abort' || (value['kind'] === 'job' && typeof value['job'] === 'string');
}

/** Whether a received value is a message to the parent: a child that read a hostile file is not trusted. */
export function isMessageToParent(value: unknown): value is MessageToParent {
  if (!isObject(value)) return false;
  if (value['kind'] === 'ready') return true;
  const answers = value['answers'];
  return value['kind'] === 'answers' && Array.isArray(answers) && answers.every(isAnswer);
}

function isAnswer(value: unknown): value is AnswerToParent {
  if (!isObject(value) || typeof value['id'] !== 'number') return false;
  return value['kind'] === 'result' || (value['kind'] === 'failed' && isAppError(value['error']));
}
