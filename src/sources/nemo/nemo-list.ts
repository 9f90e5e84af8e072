import { z } from 'zod';
import type { Log } from '../../log.js';
import { invalidAnswer, refused, type RequestFacts } from './nemo-errors.js';
import { queryText, type NemoHttp, type Parameters, type ReadContext } from './nemo-http.js';
import { rowId } from './nemo-rows.js';

/** What is read a list with. */
export interface ListReader {
  readonly http: NemoHttp;
  readonly log: Log;
  readonly baseUrl: URL;
  /** Rows that are asked for at once; how many come is up to the settings of the site. */
  readonly pageSize: number;
}

/** A list, whatever its shape: sites and versions differ in when they paginate. */
interface Page {
  readonly rows: readonly unknown[];
  readonly count: number | null;
  readonly next: string | null;
}

const pageSchema = z.union([
  z.array(z.unknown()).transform((rows): Page => ({ rows, count: null, next: null })),
  z
    .object({
      results: z.array(z.unknown()),
      next: z.string().nullish(),
      count: z.number().nullish(),
    })
    .transform(({ results, next, count }): Page => ({
      rows: results,
      count: count ?? null,
      next: next ?? null,
    })),
]);

/** Pages one after the other without a new row, after which the list is taken to go round in circles. */
const MOST_STALE_PAGES = 2;
/** How often a list is read again of which rows were deleted while it was read. */
const MOST_PASSES = 3;

/**
 * Reads a list to its end: array or envelope, each id once. Pages are counted from the newest row, so while rows are inserted
 * or deleted rows come twice or not at all: the first are cut out here; when the list got shorter it is read again.
 * @throws AppError as NemoHttp.get; SOURCE_REFUSED with `details.parameters` for a query that NEMO does not take (400);
 * SOURCE_ANSWER_INVALID for what is no list, or a row without id.
 */
export async function* readList(
  reader: ListReader,
  path: string,
  parameters: Parameters,
  read: ReadContext,
): AsyncGenerator<unknown, void, undefined> {
  const first: Parameters = [...parameters, ['page_size', String(reader.pageSize)]];
  const seen = new Set<number>();
  for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
    const end = yield* readPages(reader, path, first, read, seen);
    if (end === 'complete') return;
    reader.log.debug('Rows of NEMO were deleted while they were read', { path, pass });
  }
}

async function* readPages(
  { http, log, baseUrl }: ListReader,
  path: string,
  first: Parameters,
  read: ReadContext,
  seen: Set<number>,
): AsyncGenerator<unknown, 'complete' | 'got-shorter', undefined> {
  const facts = { address: new URL(path, baseUrl).toString(), path };
  const queries = new Set<string>();
  let next: Parameters | null = first;
  let stalePages = 0;
  let count = 0;
  let gotShorter = false;
  // In a later pass most pages hold nothing new.
  const isFirstPass = seen.size === 0;
  while (next !== null) {
    const query = queryText(next);
    if (queries.has(query) || stalePages > MOST_STALE_PAGES) {
      log.warn('The pages of NEMO go round in circles and were cut', { path, pages: queries.size });
      return 'complete';
    }
    queries.add(query);
    const page = await readPage(http, facts, next, read, queries.size === 1);
    if (page === null) break;
    const rows = newRows(page.rows, seen, facts);
    yield* rows;
    stalePages = rows.length === 0 && isFirstPass ? stalePages + 1 : 0;
    gotShorter ||= page.count !== null && page.count < count;
    count = page.count ?? count;
    next = page.next === null ? null : queryOf(page.next, baseUrl, facts);
  }
  return gotShorter ? 'got-shorter' : 'complete';
}

/** Null: there is no such page any more. */
async function readPage(
  http: NemoHttp,
  facts: RequestFacts,
  parameters: Parameters,
  read: ReadContext,
  isFirst: boolean,
): Promise<Page | null> {
  const answer = await http.get(facts.path, parameters, read);
  if (answer.kind === 'not-found') {
    if (!isFirst && answer.byRest) return null;
    throw notThere(facts);
  }
  if (answer.kind === 'bad-request') {
    throw refused(
      facts,
      400,
      `does not take the values of ${answer.parameters.join(', ')}`,
      'A tool that is named there may be deleted in NEMO; else report it with the version of NEMO.',
      { parameters: answer.parameters },
    );
  }
  const page = pageSchema.safeParse(answer.value);
  if (!page.success) throw invalidAnswer(facts, 'answers with something that is no list');
  return page.data;
}

/** 404 where the REST interface should be. */
export function notThere(facts: RequestFacts): Error {
  return refused(
    facts,
    404,
    'has nothing there',
    'Check the address (it ends in /api/) and the version of NEMO. A NEMO with ALLOW_CONDITIONAL_URLS = False has no /api/: ' +
      'name the other instance of the site.',
  );
}

function newRows(rows: readonly unknown[], seen: Set<number>, facts: RequestFacts): unknown[] {
  return rows.filter((row) => {
    const id = rowId(row);
    if (id === null) throw invalidAnswer(facts, 'answers with a row that has no id');
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** Of `next` only the query counts: its host is what a proxy made of it, and would get the token. */
function queryOf(next: string, baseUrl: URL, facts: RequestFacts): Parameters {
  if (!URL.canParse(next, baseUrl.href)) {
    throw invalidAnswer(facts, 'names a next page that is no address');
  }
  return [...new URL(next, baseUrl).searchParams];
}
