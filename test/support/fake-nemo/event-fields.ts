import type { Context } from './context.js';
import { readInstant, type Instant } from './instants.js';
import { isObject, type JsonValue, type UsageEventRow } from './rows.js';

export type FieldErrors = Readonly<Record<string, readonly string[]>>;

type Fields = Partial<Omit<UsageEventRow, 'id'>>;

const REQUIRED = ['user', 'operator', 'project', 'tool'] as const;
const OTHER_RELATIONS = ['staff_charge', 'validated_by', 'waived_by'] as const;
const OTHER_MOMENTS = ['end', 'waived_on'] as const;
const FLAGS = ['validated', 'remote_work', 'training', 'waived'] as const;
const TEXTS = ['note', 'pre_run_data', 'run_data'] as const;

const WRONG_TIME =
  'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].';
const NOT_NULL = 'This field may not be null.';

/** Reads the body of one event; has_ended is NEMO's own and left out. */
class EventBody {
  readonly errors: Record<string, readonly string[]> = {};
  readonly #context: Context;
  readonly #body: Readonly<Record<string, JsonValue>>;

  constructor(context: Context, body: Readonly<Record<string, JsonValue>>) {
    this.#context = context;
    this.#body = body;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#body, name);
  }

  isNull(name: string): boolean {
    return this.#body[name] === null;
  }

  moment(name: string): Instant | undefined {
    const value = this.#body[name];
    const read =
      typeof value === 'string' && !value.includes('/')
        ? readInstant(value, this.#context.settings.zone)
        : 'invalid';
    if (typeof read !== 'string') return read.instant;
    this.errors[name] = [WRONG_TIME];
    return undefined;
  }

  relation(name: (typeof REQUIRED | typeof OTHER_RELATIONS)[number]): number | undefined {
    const value = this.#body[name];
    const { users, tools, projects } = this.#context.database;
    const number = typeof value === 'string' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      this.errors[name] = [`Incorrect type. Expected pk value, received ${pythonType(value)}.`];
      return undefined;
    }
    const table = name === 'tool' ? tools : name === 'project' ? projects : users;
    if (name === 'staff_charge' || table.find(number) !== undefined) return number;
    this.errors[name] = [`Invalid pk "${number}" - object does not exist.`];
    return undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.#body[name];
    if (typeof value === 'boolean') return value;
    this.errors[name] = ['Must be a valid boolean.'];
    return undefined;
  }

  text(name: string): string | undefined {
    const value = this.#body[name];
    if (typeof value === 'string') return value;
    this.errors[name] = ['Not a valid string.'];
    return undefined;
  }
}

function pythonType(value: JsonValue | undefined): string {
  if (typeof value === 'string') return 'str';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'float' : 'dict';
}

/** The fields of one kind that the body has. */
function present<Name extends keyof Fields>(
  body: EventBody,
  names: readonly Name[],
  nullable: boolean,
  read: (name: Name) => Fields[Name] | undefined,
): Partial<Fields> {
  const fields: Partial<Fields> = {};
  for (const name of names.filter((candidate) => body.has(candidate))) {
    const value = read(name);
    if (body.isNull(name) && !nullable) body.errors[name] = [NOT_NULL];
    else if (value !== undefined) fields[name] = value;
  }
  return fields;
}

/** The fields of the body as a row has them, or what DRF says about them. */
export function fieldsOf(
  context: Context,
  value: JsonValue,
  partial: boolean,
): { readonly fields: Fields } | { readonly errors: FieldErrors } {
  if (!isObject(value))
    return { errors: { non_field_errors: ['Invalid data. Expected a dictionary.'] } };
  const body = new EventBody(context, value);
  const orNull = <Read>(name: string, read: () => Read) => (body.isNull(name) ? null : read());
  const fields: Fields = {
    ...present(body, ['start'], false, (name) => body.moment(name)),
    ...present(body, OTHER_MOMENTS, true, (name) => orNull(name, () => body.moment(name))),
    ...present(body, FLAGS, false, (name) => body.flag(name)),
    ...present(body, TEXTS, true, (name) => orNull(name, () => body.text(name))),
    ...present(body, REQUIRED, false, (name) => body.relation(name)),
    ...present(body, OTHER_RELATIONS, true, (name) => orNull(name, () => body.relation(name))),
  };
  if (!partial)
    for (const name of REQUIRED)
      if (!body.has(name)) body.errors[name] = ['This field is required.'];
  return Object.keys(body.errors).length > 0 ? { errors: body.errors } : { fields };
}
