/** Knex publishes no types for its dialect classes; this is the part of the better-sqlite3 one that we extend. */
declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  import { Knex } from 'knex';

  /** A compiled statement on its way to the driver; the driver's answer is added to it. */
  export interface CompiledStatement {
    sql: string;
    bindings?: readonly unknown[];
  }

  export default class BetterSqliteClient extends Knex.Client {
    connectionSettings: { readonly filename: string };
    acquireRawConnection(): Promise<unknown>;
    _query(connection: unknown, statement: CompiledStatement): Promise<unknown>;
  }
}
