import type { Instant } from './instants.js';

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A value of a row: what JSON has, and instants. */
export type Cell = Instant | JsonValue;

/*
 * Rows carry NEMO's own names, in the order in which its REST API writes them: the plain fields first, then the foreign
 * keys. They are type aliases because an interface is not assignable to a record of cells.
 */

export type AnyRow = Readonly<Record<string, Cell>>;

export type UsageEventRow = {
  readonly id: number;
  readonly start: Instant;
  readonly end: Instant | null;
  /** 0 while open, else counted up over all events at each close. */
  readonly has_ended: number;
  readonly note: string | null;
  readonly validated: boolean;
  readonly remote_work: boolean;
  readonly training: boolean;
  /** JSON text; '' when no questions apply, null when the row was made by API or administrator. */
  readonly pre_run_data: string | null;
  readonly run_data: string | null;
  readonly waived: boolean;
  readonly waived_on: Instant | null;
  readonly user: number;
  readonly operator: number;
  readonly project: number;
  readonly tool: number;
  readonly staff_charge: number | null;
  readonly validated_by: number | null;
  readonly waived_by: number | null;
};

export type ReservationRow = {
  readonly id: number;
  /** Parsed here, other than the answers of a usage event. */
  readonly question_data: JsonValue;
  readonly configuration_options: readonly JsonValue[];
  readonly creation_time: Instant;
  readonly start: Instant;
  readonly end: Instant;
  readonly short_notice: boolean;
  readonly cancelled: boolean;
  readonly cancellation_time: Instant | null;
  readonly missed: boolean;
  readonly shortened: boolean;
  readonly additional_information: string | null;
  readonly self_configuration: boolean;
  readonly title: string;
  readonly note: string | null;
  readonly validated: boolean;
  readonly waived: boolean;
  readonly waived_on: Instant | null;
  readonly user: number;
  readonly creator: number;
  readonly tool: number | null;
  readonly area: number | null;
  readonly project: number | null;
  readonly cancelled_by: number | null;
  readonly descendant: number | null;
  readonly validated_by: number | null;
  readonly waived_by: number | null;
};

/** The columns of a tool that tests look at by name; the many others are cells. */
export type ToolRow = AnyRow & {
  readonly id: number;
  readonly name: string;
  readonly visible: boolean;
  readonly parent_tool: number | null;
  readonly _category: string;
  readonly _operational: boolean;
};

export type UserRow = AnyRow & {
  readonly id: number;
  readonly username: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly email: string;
  readonly is_active: boolean;
};

export type ProjectRow = {
  readonly id: number;
  readonly principal_investigators: readonly number[];
  readonly users: readonly number[];
  readonly name: string;
  readonly application_identifier: string;
  readonly start_date: string | null;
  readonly active: boolean;
  readonly allow_consumable_withdrawals: boolean;
  readonly allow_staff_charges: boolean;
  readonly account: number;
  readonly discipline: number | null;
  readonly project_types: readonly number[];
  readonly only_allow_tools: readonly number[];
};

export type AccountRow = {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly start_date: string | null;
  readonly active: boolean;
  readonly type: number | null;
};

export type AdjustmentRequestRow = {
  readonly id: number;
  readonly creation_time: Instant;
  readonly last_updated: Instant;
  readonly item_id: number;
  readonly description: string;
  readonly manager_note: string | null;
  readonly original_start: Instant | null;
  readonly original_end: Instant | null;
  readonly original_quantity: number | null;
  readonly new_start: Instant | null;
  readonly new_end: Instant | null;
  readonly new_quantity: number | null;
  readonly waive: boolean;
  /** 0 pending, 1 approved, 2 denied. */
  readonly status: number;
  readonly applied: boolean;
  readonly deleted: boolean;
  readonly creator: number;
  readonly last_updated_by: number | null;
  readonly item_type: number;
  readonly item_tool: number | null;
  readonly item_area: number | null;
  readonly original_project: number | null;
  readonly new_project: number | null;
  readonly reviewer: number | null;
  readonly applied_by: number | null;
};

export type ContentTypeRow = {
  readonly id: number;
  readonly app_label: string;
  readonly model: string;
};

/** Whether the value is one a row or JSON may have. */
export function isCell(value: unknown): value is Cell {
  if (value === null) return true;
  if (typeof value === 'object') return Object.values(value).every(isCell);
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}

/** A list of JSON; Array.isArray does not narrow a readonly one. */
export function isList(value: Cell): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A JSON object. */
export function isObject(value: Cell | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
