import { detail, htmlAnswer, escaped, jsonAnswer, type Answer } from './answers.js';
import type { Context } from './context.js';
import { filtered } from './filters.js';
import { paged } from './pages.js';
import type { NumberedRow, Resource } from './resources.js';
import type { JsonValue } from './rows.js';
import { Serializer, shapeOf } from './serialize.js';

/** One request for a resource, read only as far as this fake needs it. */
export interface ReadRequest {
  /** With the host the client used. */
  readonly url: URL;
  /** The browsable API answers, which always has pages. */
  readonly html: boolean;
}

function startOf(row: NumberedRow): bigint {
  return typeof row['start'] === 'bigint' ? row['start'] : 0n;
}

/** The lists and the single rows. */
export class Reads {
  readonly #context: Context;
  readonly #serializer: Serializer;
  #answered = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#serializer = new Serializer(context.database, context.settings);
  }

  list(resource: Resource, { url, html }: ReadRequest): Answer {
    const rows = this.#filtered(resource, url);
    if ('errors' in rows) return jsonAnswer(400, rows.errors);
    const { settings } = this.#context;
    const ordered = this.#ordered(resource, rows);
    const page = paged(ordered, url, html, settings);
    if (page.kind === 'no-page') return detail(404, 'Invalid page.');
    const shape = shapeOf(url.searchParams);
    const objects = (entries: readonly NumberedRow[]) =>
      entries.map((row) => this.#serializer.object(resource, row, shape));
    const body: JsonValue =
      page.kind === 'all'
        ? objects(ordered)
        : {
            count: ordered.length,
            next: page.next,
            previous: page.previous,
            results: objects(page.entries),
          };
    return html
      ? htmlAnswer(200, resource.model, `<pre>${escaped(JSON.stringify(body, null, 4))}</pre>`)
      : jsonAnswer(200, body);
  }

  one(resource: Resource, id: number, { url, html }: ReadRequest): Answer {
    const rows = this.#filtered(resource, url);
    if ('errors' in rows) return jsonAnswer(400, rows.errors);
    const row = rows.find((candidate) => candidate.id === id);
    if (row === undefined) return noMatch(resource);
    const body = this.#serializer.object(resource, row, shapeOf(url.searchParams));
    return html
      ? htmlAnswer(200, resource.model, `<pre>${escaped(JSON.stringify(body, null, 4))}</pre>`)
      : jsonAnswer(200, body);
  }

  #filtered(resource: Resource, url: URL) {
    const { database, settings } = this.#context;
    const fields = resource.filters(settings.version);
    return filtered(resource.rows(database), fields, url.searchParams, { database, settings });
  }

  /**
   * The latest start first and nothing else: rows of one start come in an order that changes from answer to answer, as
   * a database may do it.
   */
  #ordered(resource: Resource, rows: readonly NumberedRow[]): readonly NumberedRow[] {
    if (!resource.latestFirst) return rows;
    this.#answered += 1;
    const turn = this.#answered % 2 === 0 ? 1 : -1;
    return rows.toSorted((one, other) => {
      const [a, b] = [startOf(one), startOf(other)];
      return a === b ? turn * (one.id - other.id) : a > b ? -1 : 1;
    });
  }
}

export function noMatch(resource: Resource): Answer {
  return detail(404, `No ${resource.model} matches the given query.`);
}
