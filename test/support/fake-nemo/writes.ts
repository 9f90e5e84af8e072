import { detail, jsonAnswer, parsedJson, SERVER_ERROR, type Answer } from './answers.js';
import type { Context } from './context.js';
import { createEvent, deleteEvent, openEventOf, saveEvent } from './event-rules.js';
import { fieldsOf, type FieldErrors } from './event-fields.js';
import { noMatch } from './reads.js';
import { RESOURCES } from './resources.js';
import { isList, type JsonValue, type UsageEventRow } from './rows.js';
import { Serializer } from './serialize.js';

const SECOND_OPEN = {
  non_field_errors: ['The fields tool, has_ended must make a unique set.'],
};
const END_BEFORE_START = { end: ['The end must be on or after the start'] };

type Created = { readonly row: UsageEventRow } | { readonly errors: FieldErrors };

/** POST, PUT, PATCH and DELETE of usage events, which NEMO has since 4.5.0. */
export class Writes {
  readonly #context: Context;
  readonly #serializer: Serializer;

  constructor(context: Context) {
    this.#context = context;
    this.#serializer = new Serializer(context.database, context.settings);
  }

  /** One event, or a list of them: then all or none. Answers 200, not 201. */
  create(text: string): Answer {
    const body = parsedJson(text);
    if ('error' in body) return detail(400, `JSON parse error - ${body.error}`);
    if (!isList(body.value)) {
      const created = this.#created(body.value);
      if ('errors' in created) return jsonAnswer(400, created.errors);
      return jsonAnswer(200, this.#json(created.row));
    }
    const checked = body.value.map((value) => this.#errorsOf(value));
    if (checked.some((errors) => errors !== null))
      return jsonAnswer(
        400,
        checked.map((errors) => errors ?? {}),
      );
    const rows = body.value.map((value) => this.#created(value));
    return jsonAnswer(
      200,
      rows.flatMap((created) => ('row' in created ? [this.#json(created.row)] : [])),
    );
  }

  change(id: number, text: string, partial: boolean): Answer {
    const body = parsedJson(text);
    if ('error' in body) return detail(400, `JSON parse error - ${body.error}`);
    const before = this.#context.database.usageEvents.find(id);
    if (before === undefined) return noMatch(RESOURCES.usage_events);
    const read = fieldsOf(this.#context, body.value, partial);
    if ('errors' in read) return jsonAnswer(400, read.errors);
    const after = { ...before, ...read.fields };
    if (after.end !== null && after.end < after.start) return jsonAnswer(400, END_BEFORE_START);
    if (after.end === null && openEventOf(this.#context, after.tool, id) !== undefined)
      // The serializer compares the has_ended of the old row: only the database sees that a closed event reopens.
      return before.end === null ? jsonAnswer(400, SECOND_OPEN) : SERVER_ERROR;
    return jsonAnswer(200, this.#json(saveEvent(this.#context, id, read.fields)));
  }

  remove(id: number): Answer {
    if (this.#context.database.usageEvents.find(id) === undefined)
      return noMatch(RESOURCES.usage_events);
    deleteEvent(this.#context, id);
    return { status: 204, body: '' };
  }

  #errorsOf(value: JsonValue): FieldErrors | null {
    const read = fieldsOf(this.#context, value, false);
    if ('errors' in read) return read.errors;
    const { start = this.#context.clock.now(), end = null, tool } = read.fields;
    if (end !== null && end < start) return END_BEFORE_START;
    const isSecond = tool !== undefined && openEventOf(this.#context, tool) !== undefined;
    return end === null && isSecond ? SECOND_OPEN : null;
  }

  #created(value: JsonValue): Created {
    const errors = this.#errorsOf(value);
    if (errors !== null) return { errors };
    const read = fieldsOf(this.#context, value, false);
    if ('errors' in read) return read;
    const { user, operator, project, tool } = read.fields;
    if (user === undefined || operator === undefined || project === undefined || tool === undefined)
      throw new Error('A required field was not asked for.');
    const start = read.fields.start ?? this.#context.clock.now();
    const given = { ...read.fields, start, user, operator, project, tool };
    return { row: createEvent(this.#context, given) };
  }

  #json(row: UsageEventRow): JsonValue {
    return this.#serializer.object(RESOURCES.usage_events, row);
  }
}
