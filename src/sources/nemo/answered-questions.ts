import { textsOf } from './answer-text.js';
import type { FormAnswers } from './form-answers.js';

/** Whether data may be curated, as the person says. */
export type ConsentAnswer =
  | 'given'
  | 'refused'
  /** The question was not asked, or left blank. */
  | 'unanswered'
  /** Answers that would count before any other cannot be read: a refusal may be among them. */
  | 'unreadable';

/**
 * The answers of several forms, the one that counts most first. Each question is answered by the first form that has something
 * else than blanks for it: what is forced to be blank when staff ends the use of a tool takes no earlier answer back, and a
 * later answer stands above an earlier one. Consent and the other questions may so be answered in different forms.
 */
export class AnsweredQuestions {
  readonly #forms: readonly FormAnswers[];

  constructor(forms: readonly FormAnswers[]) {
    this.#forms = forms;
  }

  /** What was answered; undefined: nothing. */
  answerTo(question: string): unknown {
    for (const form of this.#forms) {
      const answer = answerIn(form, question);
      if (isAnswered(answer)) return answer;
    }
    return undefined;
  }

  /** @param refusals answers that refuse, in any case */
  consent(question: string, refusals: readonly string[]): ConsentAnswer {
    const refusing = new Set(refusals.map(comparable));
    for (const form of this.#forms) {
      if (form.kind === 'broken') return 'unreadable';
      const texts = textsOf(answerIn(form, question));
      if (texts.length === 0) continue;
      return texts.some((text) => refusing.has(comparable(text))) ? 'refused' : 'given';
    }
    return 'unanswered';
  }

  /** Whether a form cannot be read. */
  get hasBroken(): boolean {
    return this.#forms.some(({ kind }) => kind === 'broken');
  }
}

/** Letter case, blanks around and the width of characters make no other answer. */
function comparable(text: string): string {
  return text.slice(0, 200).normalize('NFKC').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

function isAnswered(answer: unknown): boolean {
  return textsOf(answer).length > 0;
}

/** The `user_input` of a question; a plugin may have the answer itself in its place. */
function answerIn(form: FormAnswers, question: string): unknown {
  if (form.kind !== 'answers' || !Object.hasOwn(form.questions, question)) return undefined;
  const asked = form.questions[question];
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return asked;
  return 'user_input' in asked ? asked.user_input : undefined;
}
