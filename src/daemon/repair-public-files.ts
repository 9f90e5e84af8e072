import { highestRecordId, listPublished, type PublishedRecord } from '../db/publication-store.js';
import { currentRecord } from '../db/record-store.js';
import { isAppError } from '../errors.js';
import { looksPublished } from '../record/check-publication.js';
import { filesOfRecord, mendRecordFiles } from './mend-record-files.js';
import { isDatabaseAway } from './once-database-answers.js';
import type { PublishEnvironment } from './publish-record-version.js';

/** Which records are looked at. */
export interface RepairPublicFilesOptions {
  /**
   * At most so many, beginning anywhere and going round: many runs see all, and what one costs does not depend on how many
   * there are. Null: all.
   */
  readonly most: number | null;
  /** Ends the look early. */
  readonly signal: AbortSignal;
}

/** What a look at the public files came to. */
export interface RepairPublicFilesSummary {
  readonly checked: number;
  /** Records whose files were made anew. */
  readonly mended: number;
  /** Records whose files cannot be made anew. */
  readonly lost: number;
}

/** Records that a single pass looks at. */
export const MOST_CHECKED_BY_A_PASS = 200;

/** Records asked for at a time, and looked at side by side. */
const PAGE = 200;
const SIDE_BY_SIDE = 8;

/**
 * Makes public files anew that somebody removed or changed. Only size and time are looked at; what differs is read. What
 * cannot be mended is logged and stops nothing.
 * @throws AppError when the database cannot be reached.
 */
export async function repairPublicFiles(
  environment: PublishEnvironment,
  { most, signal }: RepairPublicFilesOptions,
): Promise<RepairPublicFilesSummary> {
  const repair = new Repair(environment);
  for await (const page of pagesOf(environment, most)) {
    for (let first = 0; first < page.length; first += SIDE_BY_SIDE) {
      if (signal.aborted) break;
      await repair.look(page.slice(first, first + SIDE_BY_SIDE));
    }
    if (signal.aborted) break;
  }
  repair.tell();
  return { checked: repair.checked, mended: repair.mended.length, lost: repair.lost.length };
}

/** Published records: `most` of them from a place drawn by lot, going round at the end; null: all. */
async function* pagesOf(
  { database }: PublishEnvironment,
  most: number | null,
): AsyncGenerator<readonly PublishedRecord[], void, undefined> {
  const highest = await database.createScope(highestRecordId);
  if (highest === null) return;
  const begin = most === null ? 0 : Math.floor(Math.random() * highest);
  let left = most ?? Infinity;
  for (const [after, last] of [
    [begin, highest],
    [0, begin],
  ] as const) {
    for (let from = after; left > 0 && from < last;) {
      const asked = Math.min(PAGE, left);
      const next = from;
      const listed = await database.createScope(() => listPublished(next, asked));
      const page = listed.filter(({ recordId }) => recordId <= last);
      yield page;
      left -= page.length;
      from = page.length < asked ? last : (page.at(-1)?.recordId ?? last);
    }
  }
}

class Repair {
  checked = 0;
  readonly mended: string[] = [];
  readonly lost: { readonly path: string; readonly error: Error | null }[] = [];
  readonly #environment: PublishEnvironment;

  constructor(environment: PublishEnvironment) {
    this.#environment = environment;
  }

  async look(records: readonly PublishedRecord[]): Promise<void> {
    const differing = await Promise.all(records.map((record) => this.#differs(record)));
    this.checked += records.length;
    for (const [index, record] of records.entries()) {
      if (differing[index] === true) await this.#mend(record);
    }
  }

  tell(): void {
    const { log } = this.#environment;
    const { mended, lost } = this;
    if (mended.length > 0) {
      log.warn('Public files of records were missing or altered; they were made anew.', {
        records: mended.length,
        first: mended[0],
      });
    }
    const [first] = lost;
    if (first === undefined) return;
    log.error('Files of records are missing, damaged or not readable; they cannot be made anew.', {
      records: lost.length,
      first: first.path,
      remedy: 'recordsmith doctor --deep names each, and what to do.',
      ...(first.error === null ? {} : { error: first.error }),
    });
  }

  async #differs(record: PublishedRecord): Promise<boolean> {
    try {
      return !(await looksPublished(this.#environment.paths.records, filesOfRecord(record)));
    } catch (error) {
      this.#noteLost(record, error);
      return false;
    }
  }

  async #mend(record: PublishedRecord): Promise<void> {
    const { database } = this.#environment;
    // A newer version may have come since the record was listed.
    const current = await database.createScope(() => currentRecord(record.sessionIdentifier));
    if (current?.recordId !== record.recordId) return;
    try {
      const before = await mendRecordFiles(this.#environment, record);
      if (before.kind === 'right') return;
      if (before.kind === 'version-damaged' && !before.canBeRestored) {
        this.lost.push({ path: before.path, error: null });
      } else {
        this.mended.push(record.publicPath);
      }
    } catch (error) {
      this.#noteLost(record, error);
    }
  }

  #noteLost({ publicPath }: PublishedRecord, error: unknown): void {
    if (!isAppError(error) || isDatabaseAway(error)) throw error;
    this.lost.push({ path: publicPath, error });
  }
}
