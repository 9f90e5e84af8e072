import { z } from 'zod';
import type { Sample } from '../../domain/record.js';
import { lineOf, paragraphsOf, textsOf } from './answer-text.js';

/** A sample as the record has it, before it gets an id. */
export type AnsweredSample = Omit<Sample, 'id'>;

/** Names of the questions within the group on samples. */
export interface SampleQuestions {
  readonly sample_name: string;
  readonly sample_kind: string;
  readonly sample_details: string;
  readonly sample_elements: string;
}

/** Samples of one session; more are no answer to a form. */
const MOST_SAMPLES = 100;
const LONGEST_NAME = 255;
const LONGEST_DETAILS = 10_000;
const MOST_ELEMENTS = 118;
const LONGEST_ELEMENT = 20;

const groupSchema = z.record(z.string(), z.unknown());

/**
 * The samples that were named: of a group of questions its entries by rising key (gaps are usual), of any other type of
 * question each text as the name of one. Entries without content are left out.
 */
export function samplesOf(answer: unknown, questions: SampleQuestions): readonly AnsweredSample[] {
  const group = Array.isArray(answer) ? null : groupSchema.safeParse(answer);
  const samples =
    group?.success === true
      ? entriesOf(group.data).flatMap((entry) => sampleOf(entry, questions))
      : textsOf(answer).flatMap((name) => namedSample(name));
  return samples.slice(0, MOST_SAMPLES);
}

function entriesOf(group: Readonly<Record<string, unknown>>): unknown[] {
  return Object.entries(group)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, entry]) => entry);
}

function namedSample(text: string): AnsweredSample[] {
  const name = lineOf(text, LONGEST_NAME);
  return name === null ? [] : [{ ref: null, name, description: null, elements: [] }];
}

function sampleOf(entry: unknown, questions: SampleQuestions): AnsweredSample[] {
  const parsed = groupSchema.safeParse(entry);
  if (!parsed.success) return textsOf(entry).flatMap(namedSample);
  const textsIn = (question: string): string[] =>
    Object.hasOwn(parsed.data, question) ? textsOf(parsed.data[question]) : [];
  const [name] = textsIn(questions.sample_name).map((text) => lineOf(text, LONGEST_NAME));
  const isPid = textsIn(questions.sample_kind).some((kind) => kind.trim().toUpperCase() === 'PID');
  const description = paragraphsOf(textsIn(questions.sample_details).join('\n'), LONGEST_DETAILS);
  const elements = textsIn(questions.sample_elements)
    .flatMap((text) => text.slice(0, LONGEST_NAME * 4).split(/[\s,;]+/))
    .flatMap((text) => lineOf(text, LONGEST_ELEMENT) ?? [])
    .slice(0, MOST_ELEMENTS);
  if ((name ?? null) === null && description === null && elements.length === 0) return [];
  return [
    {
      ref: isPid ? (name ?? null) : null,
      name: isPid ? null : (name ?? null),
      description,
      elements: [...new Set(elements)],
    },
  ];
}
