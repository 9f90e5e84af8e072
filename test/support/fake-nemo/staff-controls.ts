import type { Context } from './context.js';
import { USAGE_EVENT_CONTENT_TYPE } from './database.js';
import { saveEvent } from './event-rules.js';
import { instantOf, type Time } from './instants.js';
import type { AdjustmentRequestRow, UsageEventRow } from './rows.js';

export interface Adjustment {
  readonly start?: Time;
  readonly end?: Time;
  readonly project?: number;
  readonly waive?: boolean;
  /** Who reviews and applies it. @default the user of the event */
  readonly by?: number;
  readonly description?: string;
}

function waiving(context: Context, by: number): Partial<UsageEventRow> {
  return { waived: true, waived_on: context.clock.now(), waived_by: by };
}

const NOT_WAIVED = { waived: false, waived_on: null, waived_by: null };

/** What staff and accounting do with events that are there. */
export function staffControls(context: Context) {
  const { database, clock } = context;

  /** A user asks for other times or another project; nothing changes before it is applied. */
  function requestAdjustment(id: number, adjustment: Adjustment): AdjustmentRequestRow {
    const event = database.usageEvents.get(id);
    const { start, end, project } = adjustment;
    const now = clock.now();
    return database.adjustmentRequests.put({
      ...{ id: database.adjustmentRequests.nextId(), creation_time: now, last_updated: now },
      ...{ item_id: id, description: adjustment.description ?? 'wrong times', manager_note: null },
      ...{ original_start: event.start, original_end: event.end, original_quantity: null },
      new_start: start === undefined ? null : instantOf(start),
      new_end: end === undefined ? null : instantOf(end),
      new_quantity: null,
      waive: adjustment.waive ?? false,
      ...{ status: 0, applied: false, deleted: false },
      ...{ creator: event.user, last_updated_by: null, item_type: USAGE_EVENT_CONTENT_TYPE },
      ...{ item_tool: event.tool, item_area: null, original_project: event.project },
      new_project: project ?? null,
      ...{ reviewer: null, applied_by: null },
    });
  }

  /** Approves the request and applies it to its event. */
  function applyAdjustment(requestId: number, by?: number): AdjustmentRequestRow {
    const request = database.adjustmentRequests.get(requestId);
    const reviewer = by ?? request.creator;
    saveEvent(context, request.item_id, {
      ...(request.new_start === null ? {} : { start: request.new_start }),
      ...(request.new_end === null ? {} : { end: request.new_end }),
      ...(request.new_project === null ? {} : { project: request.new_project }),
      ...(request.waive ? waiving(context, reviewer) : {}),
    });
    return database.adjustmentRequests.update(requestId, {
      ...{ status: 1, applied: true, reviewer, applied_by: reviewer },
      ...{ last_updated: clock.now(), last_updated_by: reviewer },
    });
  }

  /** Request, approval and application in one. */
  function adjust(id: number, adjustment: Adjustment): AdjustmentRequestRow {
    return applyAdjustment(requestAdjustment(id, adjustment).id, adjustment.by);
  }

  /** Takes an applied adjustment back. */
  function revertAdjustment(requestId: number): AdjustmentRequestRow {
    const request = database.adjustmentRequests.get(requestId);
    saveEvent(context, request.item_id, {
      ...(request.original_start === null ? {} : { start: request.original_start }),
      end: request.original_end,
      ...(request.original_project === null ? {} : { project: request.original_project }),
      ...(request.waive ? NOT_WAIVED : {}),
    });
    return database.adjustmentRequests.update(requestId, {
      applied: false,
      last_updated: clock.now(),
    });
  }

  function waive(id: number, by: number): UsageEventRow {
    return saveEvent(context, id, waiving(context, by));
  }

  function unwaive(id: number): UsageEventRow {
    return saveEvent(context, id, NOT_WAIVED);
  }

  function validate(id: number, by: number): UsageEventRow {
    return saveEvent(context, id, { validated: true, validated_by: by });
  }

  /** Accounting moves charges by a bulk update: no signal, so no push. */
  function bulkTransfer(ids: readonly number[], project: number): void {
    database.projects.get(project);
    for (const id of ids) database.usageEvents.update(id, { project });
  }

  return {
    ...{ requestAdjustment, applyAdjustment, adjust, revertAdjustment },
    ...{ waive, unwaive, validate, bulkTransfer },
  };
}

export type StaffControls = ReturnType<typeof staffControls>;
