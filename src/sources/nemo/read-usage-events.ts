import { isAppError, type AppError } from '../../errors.js';
import type { ReadContext } from './nemo-http.js';
import { readList, type ListReader } from './nemo-list.js';
import { parseUsageEvent, rowId, type UsageEvent } from './nemo-rows.js';
import type { NemoTimeReader } from './nemo-times.js';
import {
  matcherOf,
  queriesOf,
  queryForTools,
  type UsageEventFilter,
  type UsageEventQuery,
} from './usage-event-filter.js';

/** Who is told what went wrong in a read that goes on. */
export interface UsageEventReports {
  /** Told of tools that NEMO does not know (any more). */
  readonly onUnknownTool?: (toolId: number) => void;
  /** Told of a row that cannot be read, which is then left out; absent: the error ends the read. */
  readonly onInvalidRow?: (error: AppError) => void;
}

interface Reading {
  readonly read: ReadContext;
  readonly reports: UsageEventReports;
}

const PATH = 'usage_events/';

/** Whether NEMO refused a query for a tool in it: it looks whether each exists, and one that does not fails them all. */
export function isUnknownTool(error: unknown): boolean {
  if (!isAppError(error) || error.code !== 'SOURCE_REFUSED') return false;
  const { parameters } = error.details;
  return (
    Array.isArray(parameters) &&
    parameters.some((name) => typeof name === 'string' && /^tool(_id)?(__in)?$/.test(name))
  );
}

/**
 * The events that a filter asks for, each once; `toolIds` are those of the filter with their children. Rows that the filter
 * excludes are left out, and logged: NEMO ignored a parameter.
 */
export async function* readUsageEvents(
  reader: ListReader,
  readTimes: NemoTimeReader,
  filter: UsageEventFilter,
  toolIds: readonly number[] | undefined,
  { read, reports }: Reading,
): AsyncGenerator<UsageEvent, void, undefined> {
  const matches = matcherOf(filter, toolIds);
  const seen = new Set<number | null>();
  let excluded = 0;
  for (const query of queriesOf(filter, toolIds)) {
    for await (const row of rowsOf(reader, query, { read, reports })) {
      const id = rowId(row);
      if (seen.has(id)) continue;
      seen.add(id);
      const event = parseOrReport(row, readTimes, reports);
      if (event === null) continue;
      if (matches(event)) yield event;
      else excluded += 1;
    }
  }
  if (excluded > 0) {
    reader.log.warn('NEMO ignored a filter; its rows were left out here', { path: PATH, excluded });
  }
}

function parseOrReport(
  row: unknown,
  readTimes: NemoTimeReader,
  { onInvalidRow }: UsageEventReports,
): UsageEvent | null {
  try {
    return parseUsageEvent(row, readTimes);
  } catch (error) {
    if (onInvalidRow === undefined || !isAppError(error)) throw error;
    onInvalidRow(error);
    return null;
  }
}

/** The rows of one query; where a tool of it is unknown, those of the others, one query a tool. */
async function* rowsOf(
  reader: ListReader,
  { parameters, toolIds }: UsageEventQuery,
  { read, reports }: Reading,
): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* readList(reader, PATH, parameters, read);
  } catch (error) {
    if (toolIds === null || !isUnknownTool(error)) throw error;
    const [toolId] = toolIds;
    if (toolIds.length === 1 && toolId !== undefined) {
      reader.log.warn('NEMO does not know a tool any more', { toolId });
      reports.onUnknownTool?.(toolId);
      return;
    }
    const others = parameters.filter(([name]) => name !== 'tool_id__in');
    for (const tool of toolIds) {
      yield* rowsOf(reader, queryForTools(others, [tool]), { read, reports });
    }
  }
}
