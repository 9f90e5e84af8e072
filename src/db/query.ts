import { z } from 'zod';
import { requireInput, TEXT } from './library-input.js';
import { scopedSession } from './scope.js';

const READS = /^\s*(select|values|explain|show|pragma)\b/i;
const rowsOf = z.array(z.record(z.string(), z.unknown()));
const answerWithRows = z.object({ rows: rowsOf });

/** Text and names in quotes, where a question mark is no place for a binding (addresses of usage events have one). */
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"/g;

const statement = z.object({
  sql: TEXT,
  bindings: z.array(
    z.custom((value) => value !== undefined, 'expected a value or null'),
    'expected an array',
  ),
});

/** A value that can be bound. */
export type QueryBinding = string | number | bigint | boolean | Buffer | null;

/**
 * Runs one statement with `?` for bindings (`??` for names) in the unit of work and gives its rows. Anything but a plain
 * read begins the transaction.
 * @throws AppError INPUT_INVALID; as the database does.
 */
export async function query(
  sql: string,
  bindings: readonly QueryBinding[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  requireInput(statement, { sql, bindings }, 'The statement');
  const unit = scopedSession();
  const knex = unit.readOnly || READS.test(sql) ? unit.reader() : await unit.writer();
  // Knex's types know no bigint, both drivers do.
  const bound = bindings.map((value) => (typeof value === 'bigint' ? value.toString() : value));
  const answer: unknown = await knex.raw(
    sql.replaceAll(QUOTED, (quoted) => quoted.replaceAll('?', '\\?')),
    bound,
  );
  const rows = rowsOf.safeParse(answer);
  if (rows.success) return rows.data;
  const wrapped = answerWithRows.safeParse(answer);
  return wrapped.success ? wrapped.data.rows : [];
}
