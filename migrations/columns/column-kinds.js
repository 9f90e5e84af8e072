// @ts-check
/**
 * Column kinds that the engines spell differently. The migrations of all versions use this file: change nothing here,
 * add new kinds beside the old ones.
 * @typedef {import('knex').Knex} Knex
 * @typedef {import('knex').Knex.CreateTableBuilder} Table
 */

/** @param {Knex} knex */
export function isPostgres(knex) {
  return knex.client.config.client === 'pg';
}

/**
 * An instant in milliseconds: timestamptz(3), in SQLite text of exactly YYYY-MM-DDTHH:MM:SS.sssZ, so that text order
 * is time order. Of the years 0001 to 9999, which programs can read and write as text.
 * @param {Knex} knex
 * @param {Table} table
 * @param {string} tableName
 * @param {string} name
 */
export function instant(knex, table, tableName, name) {
  if (isPostgres(knex)) {
    // PostgreSQL knows -infinity, infinity, BC and years of five digits too.
    table.check(
      `"${name}" >= '0001-01-01T00:00:00Z' and "${name}" < '10000-01-01T00:00:00Z'`,
      undefined,
      `${tableName}_${name}_instant`,
    );
    return table.specificType(name, 'timestamptz(3)');
  }
  table.check(
    `"${name}" is null or ("${name}" glob '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]Z' and date(substr("${name}", 1, 10)) = substr("${name}", 1, 10) and substr("${name}", 12, 2) < '24' and "${name}" >= '0001')`,
    undefined,
    `${tableName}_${name}_instant`,
  );
  return table.specificType(name, 'text');
}

/** The database's present instant as a column default. @param {Knex} knex */
export function now(knex) {
  return isPostgres(knex)
    ? knex.raw('current_timestamp(3)')
    : knex.raw("(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))");
}

/**
 * Text of bounded length in characters.
 * @param {Table} table
 * @param {string} tableName
 * @param {string} name
 * @param {number} longest
 * @param {{ least?: number }} [options]
 */
export function boundedText(table, tableName, name, longest, { least = 0 } = {}) {
  table.check(
    least > 0
      ? `length("${name}") between ${least} and ${longest}`
      : `length("${name}") <= ${longest}`,
    undefined,
    `${tableName}_${name}_length`,
  );
  return table.text(name);
}

/**
 * JSON of one kind: jsonb, in SQLite checked text.
 * @param {Knex} knex
 * @param {Table} table
 * @param {string} tableName
 * @param {string} name
 * @param {'object' | 'array'} kind
 */
export function json(knex, table, tableName, name, kind) {
  const type = isPostgres(knex) ? 'jsonb_typeof' : 'json_type';
  table.check(
    `"${name}" is null or ${type}("${name}") = '${kind}'`,
    undefined,
    `${tableName}_${name}_${kind}`,
  );
  return table.specificType(name, isPostgres(knex) ? 'jsonb' : 'text');
}

/**
 * @param {Knex} knex
 * @param {Table} table
 * @param {string} tableName
 * @param {string} name
 * @param {boolean} value default
 */
export function flag(knex, table, tableName, name, value) {
  if (!isPostgres(knex)) {
    table.check(`"${name}" in (0, 1)`, undefined, `${tableName}_${name}_flag`);
  }
  return table.boolean(name).notNullable().defaultTo(value);
}

/**
 * Text that is one of a fixed list.
 * @param {Table} table
 * @param {string} tableName
 * @param {string} name
 * @param {readonly string[]} values
 */
export function choice(table, tableName, name, values) {
  table.check(
    `"${name}" in (${values.map((value) => `'${value}'`).join(', ')})`,
    undefined,
    `${tableName}_${name}_known`,
  );
  return table.text(name);
}
