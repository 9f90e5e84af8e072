import type { Parameters } from './nemo-http.js';
import type { UsageEvent } from './nemo-rows.js';
import type { NemoTime } from './nemo-times.js';

/** Which usage events; what is left out does not matter. Instants are epoch milliseconds. */
export interface UsageEventFilter {
  readonly ids?: readonly number[];
  /** Events of a tool or one of its children. */
  readonly toolIds?: readonly number[];
  /** True: in progress. False: ended, also in the future. */
  readonly isOpen?: boolean;
  /** start >= this. */
  readonly startFromMs?: number;
  /** start < this. */
  readonly startBeforeMs?: number;
  /** end >= this; open events are none of these. */
  readonly endFromMs?: number;
  /** end < this; open events are none of these. */
  readonly endBeforeMs?: number;
}

/** One query of a filter; its tools are what is left when one of them turns out to be unknown. */
export interface UsageEventQuery {
  readonly parameters: Parameters;
  readonly toolIds: readonly number[] | null;
}

/** Ids in one query: the address must not get too long for NEMO and what is in front of it. */
const MOST_IDS = 100;

function chunks(ids: readonly number[] | undefined): (readonly number[] | null)[] {
  if (ids === undefined) return [null];
  const unique = [...new Set(ids)];
  const count = Math.ceil(unique.length / MOST_IDS);
  return Array.from({ length: count }, (_, index) =>
    unique.slice(index * MOST_IDS, (index + 1) * MOST_IDS),
  );
}

/** An instant as NEMO takes it: with Z, since it would read one without zone in a zone of its own. */
export function instantText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function rangesOf(filter: UsageEventFilter): Parameters {
  const instants: readonly (readonly [string, number | undefined])[] = [
    ['start__gte', filter.startFromMs],
    ['start__lt', filter.startBeforeMs],
    ['end__gte', filter.endFromMs],
    ['end__lt', filter.endBeforeMs],
  ];
  const ranges = instants.flatMap(([name, epochMs]) =>
    epochMs === undefined ? [] : [[name, instantText(epochMs)] as const],
  );
  // `1` would be ignored without a word.
  return filter.isOpen === undefined
    ? ranges
    : [...ranges, ['end__isnull', String(filter.isOpen)] as const];
}

/** The query for some tools of a filter. */
export function queryForTools(
  filter: Parameters,
  toolIds: readonly number[] | null,
): UsageEventQuery {
  const parameters: Parameters =
    toolIds === null ? filter : [...filter, ['tool_id__in', toolIds.join(',')]];
  return { parameters, toolIds };
}

/**
 * The queries that together give what a filter asks for, with no list of ids that is empty (to NEMO that means all) or longer
 * than 100. They use what NEMO takes since 3.11.0. `toolIds` are those of the filter with their children.
 */
export function queriesOf(
  filter: UsageEventFilter,
  toolIds: readonly number[] | undefined,
): UsageEventQuery[] {
  const ranges = rangesOf(filter);
  return chunks(filter.ids).flatMap((ids) =>
    chunks(toolIds).map((tools) =>
      queryForTools(ids === null ? ranges : [...ranges, ['id__in', ids.join(',')] as const], tools),
    ),
  );
}

/**
 * Makes the test whether an event is what the filter asks for, as far as the texts of its times can tell: NEMO ignores, without
 * a word, each parameter that it does not know.
 */
export function matcherOf(
  filter: UsageEventFilter,
  toolIds: readonly number[] | undefined,
): (event: UsageEvent) => boolean {
  const ids = filter.ids === undefined ? null : new Set(filter.ids);
  const tools = toolIds === undefined ? null : new Set(toolIds);
  return ({ id, toolId, start, end }) =>
    (ids === null || ids.has(id)) &&
    (tools === null || tools.has(toolId)) &&
    (filter.isOpen === undefined || filter.isOpen === (end === null)) &&
    isWithin(start, filter.startFromMs, filter.startBeforeMs) &&
    isWithin(end, filter.endFromMs, filter.endBeforeMs);
}

/** Whether from <= time < before can be; a time that is not there is in no range. */
export function isWithin(
  time: NemoTime | null,
  fromMs: number | undefined,
  beforeMs: number | undefined,
): boolean {
  if (fromMs === undefined && beforeMs === undefined) return true;
  if (time === null) return false;
  const { epochMs, uncertainMs } = time;
  return (
    (fromMs === undefined || epochMs + uncertainMs >= fromMs) &&
    (beforeMs === undefined || epochMs - uncertainMs < beforeMs)
  );
}
