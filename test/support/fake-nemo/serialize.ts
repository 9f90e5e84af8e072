import type { Database } from './database.js';
import { isoInZone, strftimeInZone, type Instant } from './instants.js';
import { RESOURCES, type NumberedRow, type Resource, type ResourceName } from './resources.js';
import type { Cell, JsonValue } from './rows.js';
import type { Settings } from './settings.js';

/** What `expand`, `fields` and `omit` ask for on one level. */
export interface Shape {
  readonly expand: readonly string[];
  readonly fields: readonly string[];
  readonly omit: readonly string[];
}

export const PLAIN_SHAPE: Shape = { expand: [], fields: [], omit: [] };

/** The shape a query asks for. */
export function shapeOf(query: URLSearchParams): Shape {
  const list = (name: string) =>
    query
      .getAll(name)
      .flatMap((value) => value.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '');
  return { expand: list('expand'), fields: list('fields'), omit: list('omit') };
}

/** A time as this site writes it. */
export function writtenInstant(instant: Instant, settings: Settings): string {
  const { dateTimeFormat, zone } = settings;
  return dateTimeFormat === null
    ? isoInZone(instant, zone)
    : strftimeInZone(instant, zone, dateTimeFormat);
}

function firstOf(path: string): string {
  return path.split('.')[0] ?? path;
}

function below(paths: readonly string[], name: string): readonly string[] {
  return paths
    .filter((path) => path.startsWith(`${name}.`))
    .map((path) => path.slice(name.length + 1));
}

function isWanted(column: string, { fields, omit }: Shape): boolean {
  if (omit.includes(column)) return false;
  return fields.length === 0 || fields.some((path) => firstOf(path) === column);
}

function isExpanded(column: string, { expand }: Shape): boolean {
  return expand.some((path) => path === '~all' || path === '*' || firstOf(path) === column);
}

/** Makes the JSON object of a row. */
export class Serializer {
  readonly #database: Database;
  readonly #settings: Settings;

  constructor(database: Database, settings: Settings) {
    this.#database = database;
    this.#settings = settings;
  }

  /** In the order of the columns, whatever the order in `fields`. */
  object(resource: Resource, row: NumberedRow, shape: Shape = PLAIN_SHAPE): JsonValue {
    const result: Record<string, JsonValue> = {};
    for (const [column, cell] of Object.entries(row)) {
      if (!isWanted(column, shape) || this.#isUnknown(resource, column)) continue;
      const target = resource.relations[column];
      result[column] =
        target !== undefined && isExpanded(column, shape)
          ? this.#expanded(target, cell, {
              expand: below(shape.expand, column),
              fields: below(shape.fields, column),
              omit: below(shape.omit, column),
            })
          : this.#value(cell);
    }
    return result;
  }

  #isUnknown(resource: Resource, column: string): boolean {
    return this.#settings.version === '4.x' && resource.notInOldVersion.has(column);
  }

  #expanded(target: ResourceName, cell: Cell, shape: Shape): JsonValue {
    const resource = RESOURCES[target];
    const rows = resource.rows(this.#database);
    const one = (id: Cell): JsonValue => {
      const row = rows.find((candidate) => candidate.id === id);
      return row === undefined ? this.#value(id) : this.object(resource, row, shape);
    };
    return Array.isArray(cell) ? cell.map(one) : one(cell);
  }

  #value(cell: Cell): JsonValue {
    return typeof cell === 'bigint' ? writtenInstant(cell, this.#settings) : cell;
  }
}
