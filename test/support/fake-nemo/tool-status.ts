import { jsonAnswer, type Answer } from './answers.js';
import type { Context } from './context.js';
import type { JsonValue, ToolRow } from './rows.js';
import { writtenInstant } from './serialize.js';

/** What the tools are doing: no pages, no filters. A delayed logoff counts as not in use. */
export function toolStatus({ database, settings }: Context): Answer {
  const events = [...database.usageEvents.committed().values()];
  const tools = [...database.tools.committed().values()];
  const users = database.users.committed();

  const person = (part: string, id: number | undefined): Record<string, JsonValue> => {
    const user = id === undefined ? undefined : users.get(id);
    return {
      [`${part}_id`]: user?.id ?? null,
      [`${part}_name`]: user === undefined ? null : `${user.first_name} ${user.last_name}`,
      [`${part}_username`]: user?.username ?? null,
    };
  };
  const statusOf = (tool: ToolRow): JsonValue => {
    const head = tools.find((candidate) => candidate.id === tool.parent_tool) ?? tool;
    const family = tools.filter(({ id, parent_tool }) => id === head.id || parent_tool === head.id);
    const current = events.find(
      (event) => event.end === null && family.some(({ id }) => id === event.tool),
    );
    return {
      ...{ id: tool.id, name: tool.name, category: head._category, in_use: current !== undefined },
      ...{ visible: tool.visible, operational: head._operational, non_operational_since: null },
      ...{ problematic: false, problematic_since: null },
      ...person('customer', current?.user),
      ...person('operator', current?.operator),
      current_usage_id: current?.id ?? null,
      current_usage_start: current === undefined ? null : writtenInstant(current.start, settings),
    };
  };
  return jsonAnswer(200, tools.map(statusOf));
}

/** By which a client finds out which version it talks to. */
export function metadata({ settings }: Context): Answer {
  return jsonAnswer(200, {
    nemo_version: settings.version === '4.x' ? '4.4.0' : settings.version,
    python_version: '3.11.2',
    nemo_plugins: [],
    other_packages: [],
  });
}
