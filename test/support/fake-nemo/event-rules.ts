import type { Context } from './context.js';
import { newUsageEvent, type NewUsageEvent } from './new-rows.js';
import type { UsageEventRow } from './rows.js';

/** NEMO's rule: 0 while open, at the close one more than any event has. */
function hasEnded(context: Context, event: UsageEventRow): number {
  if (event.end === null) return 0;
  if (event.has_ended !== 0) return event.has_ended;
  const all = context.database.usageEvents.all().map((other) => other.has_ended);
  return Math.max(0, ...all) + 1;
}

/** The open event of the tool, other than `except`: the database allows one. */
export function openEventOf(
  context: Context,
  tool: number,
  except?: number,
): UsageEventRow | undefined {
  return context.database.usageEvents
    .all()
    .find((event) => event.tool === tool && event.end === null && event.id !== except);
}

/** Makes an event as Django's save() does. */
export function createEvent(context: Context, values: Omit<NewUsageEvent, 'id'>): UsageEventRow {
  const { usageEvents } = context.database;
  const made = newUsageEvent({ ...values, id: usageEvents.nextId() });
  const event = usageEvents.put({ ...made, has_ended: hasEnded(context, made) });
  context.signals.emit({ action: 'create', event });
  return event;
}

/** Changes an event as Django's save() does: with the rule of has_ended and a signal. */
export function saveEvent(
  context: Context,
  id: number,
  changes: Partial<UsageEventRow>,
): UsageEventRow {
  const { usageEvents } = context.database;
  const changed = { ...usageEvents.get(id), ...changes };
  if (changed.end === null && openEventOf(context, changed.tool, id) !== undefined)
    throw new Error(`UNIQUE constraint failed: tool ${changed.tool} has another open event.`);
  const event = usageEvents.put({ ...changed, has_ended: hasEnded(context, changed) });
  context.signals.emit({ action: 'update', event });
  return event;
}

/** Deletes an event, with a signal that carries its last state. */
export function deleteEvent(context: Context, id: number): void {
  const event = context.database.usageEvents.remove(id);
  context.signals.emit({ action: 'delete', event });
}

/** The tool, its parent and its siblings: by policy one of them is in use at a time. */
export function familyOf(context: Context, tool: number): readonly number[] {
  const { tools } = context.database;
  const head = tools.get(tool).parent_tool ?? tool;
  const children = tools.all().filter((candidate) => candidate.parent_tool === head);
  return [head, ...children.map((child) => child.id)];
}

/** The event that keeps the family busy: an open one. */
export function currentEventOf(context: Context, tool: number): UsageEventRow | undefined {
  const family = familyOf(context, tool);
  return context.database.usageEvents
    .all()
    .find((event) => event.end === null && family.includes(event.tool));
}
