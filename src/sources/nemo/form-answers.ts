import { z } from 'zod';
import { readJson } from './json-text.js';

/** What was answered to the questions of a form, as `pre_run_data`, `run_data` and `question_data` have it. */
export type FormAnswers =
  /** Null: the row was made by the API or an administrator, or the form is still to come. */
  | { readonly kind: 'absent' }
  /** Empty text: there were no questions. */
  | { readonly kind: 'no-questions' }
  /** By name of the question: its definition, and `user_input` where it was answered. */
  | {
      readonly kind: 'answers';
      readonly questions: Readonly<Record<string, unknown>>;
      readonly text: string;
    }
  | { readonly kind: 'broken'; readonly reason: string; readonly text: string };

const questionsSchema = z.record(z.string(), z.unknown());

/** How forms come: JSON text, an object, null, or not at all. */
export const formSchema = z.union([z.string(), questionsSchema]).nullish();

/** Reads the answers of a form. What cannot be read is kept as text: it is no reason to lose the event. */
export function readFormAnswers(form: z.output<typeof formSchema>): FormAnswers {
  if (form === null || form === undefined) return { kind: 'absent' };
  if (typeof form !== 'string') {
    return { kind: 'answers', questions: form, text: JSON.stringify(form) };
  }
  if (form.trim() === '') return { kind: 'no-questions' };
  const read = readJson(form);
  if (!read.ok) return { kind: 'broken', reason: read.reason, text: form };
  const questions = questionsSchema.safeParse(read.value);
  return questions.success
    ? { kind: 'answers', questions: questions.data, text: form }
    : { kind: 'broken', reason: 'not-an-object', text: form };
}
