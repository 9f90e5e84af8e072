import type { Context } from './context.js';
import { createEvent, currentEventOf, deleteEvent, familyOf, saveEvent } from './event-rules.js';
import { instantOf, type Time } from './instants.js';
import { pythonJson } from './python-json.js';
import { shortenReservation } from './reservation-controls.js';
import type { JsonValue, UsageEventRow } from './rows.js';

export interface EnableOptions {
  /** Staff works for the customer. */
  readonly remote?: boolean;
  readonly training?: boolean;
  /** Answers by question name; NEMO writes them as tab-indented JSON text. @default no questions: '' */
  readonly preRunData?: JsonValue;
  readonly note?: string;
  /** Starts a staff charge with the usage. */
  readonly staffCharge?: boolean;
}

export interface DisableOptions {
  /** Delayed logoff: the end lies that far ahead. */
  readonly downtimeMinutes?: number;
  /** @default no questions: '' */
  readonly answers?: JsonValue;
  /** Replaces the note of the start, also when absent. */
  readonly note?: string;
}

function answersText(answers: JsonValue | undefined): string {
  return answers === undefined ? '' : pythonJson(answers, '\t');
}

function requireFree(context: Context, tool: number): void {
  const now = context.clock.now();
  const family = familyOf(context, tool);
  const busy = context.database.usageEvents
    .all()
    .find((event) => family.includes(event.tool) && (event.end === null || event.end > now));
  if (busy !== undefined) throw new Error(`Tool ${tool} is in use: usage event ${busy.id}.`);
}

function requireCurrent(context: Context, tool: number): UsageEventRow {
  const current = currentEventOf(context, tool);
  if (current === undefined) throw new Error(`Nobody uses tool ${tool}.`);
  return current;
}

/** What people do at the tool. */
export function toolControls(context: Context) {
  const { database, clock } = context;

  /** Somebody starts to use the tool: a row without end. */
  function enable(
    tool: number,
    user: number,
    operator: number,
    project: number,
    options: EnableOptions = {},
  ): UsageEventRow {
    for (const id of [user, operator]) database.users.get(id);
    database.projects.get(project);
    requireFree(context, tool);
    const charges = database.usageEvents.all().map((event) => event.staff_charge ?? 0);
    return createEvent(context, {
      ...{ tool, user, operator, project, start: clock.now() },
      remote_work: options.remote ?? false,
      training: options.training ?? false,
      pre_run_data: answersText(options.preRunData),
      note: options.note ?? null,
      staff_charge: options.staffCharge === true ? Math.max(0, ...charges) + 1 : null,
    });
  }

  /** The use ends, now or after the downtime; the reservation of the user is shortened. */
  function disable(tool: number, options: DisableOptions = {}): UsageEventRow {
    const current = requireCurrent(context, tool);
    const downtime = BigInt(Math.round((options.downtimeMinutes ?? 0) * 60_000_000));
    const end = clock.now() + downtime;
    shortenReservation(context, current, end);
    return saveEvent(context, current.id, {
      end,
      run_data: answersText(options.answers),
      note: options.note ?? null,
    });
  }

  /** A problem report shuts the tool down: run_data stays null, the note is kept. */
  function forceShutdown(tool: number): readonly UsageEventRow[] {
    const family = familyOf(context, tool);
    const open = database.usageEvents
      .all()
      .filter((event) => event.end === null && family.includes(event.tool));
    database.tools.update(familyOf(context, tool)[0] ?? tool, { _operational: false });
    return open.map((event) => saveEvent(context, event.id, { end: clock.now() }));
  }

  /** NEMO-CE: one transaction ends the event of the other with blank answers and starts one. */
  function takeOver(
    tool: number,
    user: number,
    operator: number,
    project: number,
    options: EnableOptions & { readonly blankAnswers?: JsonValue } = {},
  ): { readonly ended: UsageEventRow; readonly started: UsageEventRow } {
    const { blankAnswers } = options;
    const ended = disable(tool, blankAnswers === undefined ? {} : { answers: blankAnswers });
    return { ended, started: enable(tool, user, operator, project, options) };
  }

  /** An administrator takes the end back. */
  function reopen(id: number): UsageEventRow {
    return saveEvent(context, id, { end: null });
  }

  /** An administrator says that it was the other tool. */
  function moveTool(id: number, tool: number): UsageEventRow {
    database.tools.get(tool);
    return saveEvent(context, id, { tool });
  }

  /** An administrator says that it was for another customer, and by default run by that one. */
  function changeUser(id: number, user: number, operator = user): UsageEventRow {
    database.users.get(user);
    return saveEvent(context, id, { user, operator });
  }

  /** Any other change in detailed administration. */
  function edit(id: number, changes: Partial<Omit<UsageEventRow, 'id'>>): UsageEventRow {
    return saveEvent(context, id, changes);
  }

  /** A row made later by API or administrator: a high id, an old start. */
  function backdate(
    values: Partial<Omit<UsageEventRow, 'id' | 'start' | 'end'>> &
      Pick<UsageEventRow, 'tool' | 'user' | 'project'> & {
        readonly start: Time;
        readonly end: Time | null;
      },
  ): UsageEventRow {
    const end = values.end === null ? null : instantOf(values.end);
    return createEvent(context, {
      operator: values.user,
      ...values,
      start: instantOf(values.start),
      end,
    });
  }

  return {
    ...{ enable, disable, forceShutdown, takeOver, reopen, moveTool, changeUser, edit, backdate },
    /** The row is gone. */
    delete: (id: number) => deleteEvent(context, id),
  };
}

export type ToolControls = ReturnType<typeof toolControls>;
