import { DateTime } from 'luxon';
import type { Database } from './database.js';
import type { FilterField, FilterFields } from './filter-fields.js';
import { millisecondsOf, readInstant, type Instant } from './instants.js';
import { RESOURCES, type NumberedRow } from './resources.js';
import type { Cell } from './rows.js';
import type { Settings } from './settings.js';

/** The errors of a query by parameter, as the body of the 400 has them. */
export type FilterErrors = Readonly<Record<string, readonly string[]>>;

type Test = (cell: Cell) => boolean;
type Reading = { readonly test: Test } | { readonly error: string } | 'ignored';

interface Site {
  readonly database: Database;
  readonly settings: Settings;
}

const NOT_A_NUMBER = { error: 'Enter a number.' };
const NOT_A_TIME = { error: 'Enter a valid date/time.' };
const NOT_A_CHOICE = {
  error: 'Select a valid choice. That choice is not one of the available choices.',
};
const WHOLE_NUMBER = /^\s*-?\d+(?:\.0*)?\s*$/;

/** Only these four spellings are read; anything else leaves the filter out without a word. */
const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  false: false,
  False: false,
};

function numbers(values: readonly string[]): Reading {
  if (!values.every((value) => value === '' || WHOLE_NUMBER.test(value))) return NOT_A_NUMBER;
  const wanted = new Set(values.filter((value) => value !== '').map(Number));
  return { test: (cell) => typeof cell === 'number' && wanted.has(cell) };
}

function relations(field: FilterField, values: readonly string[], site: Site): Reading {
  const rows = field.target === undefined ? [] : RESOURCES[field.target].rows(site.database);
  const known = new Set(rows.map((row) => String(row.id)));
  if (!values.every((value) => value === '' || known.has(value))) return NOT_A_CHOICE;
  return { test: (cell) => typeof cell === 'number' && values.includes(String(cell)) };
}

function momentOrError(text: string, site: Site): Instant | { readonly error: string } {
  const { zone } = site.settings;
  const read = readInstant(text.trim(), zone);
  if (read === 'invalid') return NOT_A_TIME;
  if (read === 'unclear')
    return {
      error: `${text} couldn’t be interpreted in time zone ${zone.name}; it may be ambiguous or it may not exist.`,
    };
  return read.instant;
}

const COMPARE: Readonly<Record<string, (cell: Instant, value: Instant) => boolean>> = {
  exact: (cell, value) => cell === value,
  gte: (cell, value) => cell >= value,
  gt: (cell, value) => cell > value,
  lte: (cell, value) => cell <= value,
  lt: (cell, value) => cell < value,
};

function moments(lookup: string, text: string, site: Site): Reading {
  const compare = COMPARE[lookup];
  if (compare !== undefined) {
    const value = momentOrError(text, site);
    if (typeof value !== 'bigint') return value;
    return { test: (cell) => typeof cell === 'bigint' && compare(cell, value) };
  }
  if (lookup === 'in') {
    const values = text.split(',').map((part) => momentOrError(part, site));
    const error = values.find((value) => typeof value !== 'bigint');
    if (error !== undefined) return error;
    return { test: (cell) => typeof cell === 'bigint' && values.includes(cell) };
  }
  return partOfMoment(lookup, text, site);
}

function partOfMoment(lookup: string, text: string, site: Site): Reading {
  if (!WHOLE_NUMBER.test(text)) return NOT_A_NUMBER;
  const wanted = Number(text);
  return {
    test: (cell) => {
      if (typeof cell !== 'bigint') return false;
      const { zone } = site.settings;
      const local = DateTime.fromMillis(millisecondsOf(cell), { zone });
      const parts: Readonly<Record<string, number>> = {
        ...local.toObject(),
        week: local.weekNumber,
      };
      return parts[lookup] === wanted;
    },
  };
}

function texts(lookup: string, value: string): Reading {
  const text = (cell: Cell) => (typeof cell === 'string' ? cell : JSON.stringify(cell));
  const tests: Readonly<Record<string, Test>> = {
    exact: (cell) => text(cell) === value,
    iexact: (cell) => text(cell).toLowerCase() === value.toLowerCase(),
    in: (cell) => value.split(',').includes(text(cell)),
    contains: (cell) => text(cell).includes(value),
    icontains: (cell) => text(cell).toLowerCase().includes(value.toLowerCase()),
  };
  const test = tests[lookup];
  // null matches nothing in SQL.
  return test === undefined ? 'ignored' : { test: (cell) => cell !== null && test(cell) };
}

function flagged(value: string, test: (cell: Cell) => boolean): Reading {
  const flag = FLAGS[value];
  return flag === undefined ? 'ignored' : { test: (cell) => test(cell) === flag };
}

function readFilter(field: FilterField, lookup: string, value: string, site: Site): Reading {
  if (lookup === 'isnull') return flagged(value, (cell) => cell === null);
  if (lookup === 'isempty') return flagged(value, (cell) => cell === '');
  const values = lookup === 'in' ? value.split(',') : [value];
  switch (field.kind) {
    case 'number':
      return numbers(values);
    case 'relation':
      return relations(field, values, site);
    case 'moment':
      return moments(lookup, value, site);
    case 'flag':
      return flagged(value, (cell) => cell === true);
    case 'text':
      return texts(lookup, value);
  }
}

/** The rows the query asks for, or what is wrong with it. Unknown parameters and empty values are ignored. */
export function filtered(
  rows: readonly NumberedRow[],
  fields: FilterFields,
  query: URLSearchParams,
  site: Site,
): readonly NumberedRow[] | { readonly errors: FilterErrors } {
  const errors: Record<string, readonly string[]> = {};
  const tests: ((row: NumberedRow) => boolean)[] = [];
  // Of a parameter that is there twice, Django takes the last.
  for (const [parameter, value] of new Map(query)) {
    const [, name = parameter, lookup = 'exact'] = /^(.+)__([a-z]+)$/.exec(parameter) ?? [];
    const field = fields[name];
    if (field?.lookups.has(lookup) !== true || value === '') continue;
    const reading = readFilter(field, lookup, value, site);
    if (reading === 'ignored') continue;
    if ('error' in reading) errors[parameter] = [reading.error];
    else tests.push((row) => reading.test(row[field.column] ?? null));
  }
  if (Object.keys(errors).length > 0) return { errors };
  return rows.filter((row) => tests.every((test) => test(row)));
}
