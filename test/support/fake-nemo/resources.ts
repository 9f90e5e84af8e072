import type { Database } from './database.js';
import {
  ADJUSTMENT_FILTERS,
  CONTENT_TYPE_FILTERS,
  NAMED_FILTERS,
  OLD_USAGE_EVENT_FILTERS,
  RESERVATION_FILTERS,
  TOOL_FILTERS,
  USAGE_EVENT_FILTERS,
  USER_FILTERS,
  type FilterFields,
} from './filter-fields.js';
import type { AnyRow } from './rows.js';
import type { NemoVersion } from './settings.js';

export type NumberedRow = AnyRow & { readonly id: number };

export type ResourceName =
  | 'usage_events'
  | 'reservations'
  | 'tools'
  | 'users'
  | 'projects'
  | 'accounts'
  | 'adjustment_requests'
  | 'content_types';

/** One model of the REST API. */
export interface Resource {
  readonly name: ResourceName;
  /** The model as error texts name it. */
  readonly model: string;
  /** The rows the other connections see. */
  readonly rows: (database: Database) => readonly NumberedRow[];
  readonly filters: (version: NemoVersion) => FilterFields;
  /** Columns that `expand` turns into objects. */
  readonly relations: Readonly<Record<string, ResourceName>>;
  /** Columns that version 4.4 does not have. */
  readonly notInOldVersion: ReadonlySet<string>;
  /** Only the lists with a start have an order; the others come as they were made. */
  readonly latestFirst: boolean;
}

const BY_USERS = { validated_by: 'users', waived_by: 'users' } as const;

export const RESOURCES: Readonly<Record<ResourceName, Resource>> = {
  usage_events: {
    name: 'usage_events',
    model: 'UsageEvent',
    rows: (database) => [...database.usageEvents.committed().values()],
    filters: (version) => (version === '4.x' ? OLD_USAGE_EVENT_FILTERS : USAGE_EVENT_FILTERS),
    relations: {
      user: 'users',
      operator: 'users',
      tool: 'tools',
      project: 'projects',
      ...BY_USERS,
    },
    notInOldVersion: new Set([
      ...['has_ended', 'note', 'remote_work', 'training', 'pre_run_data', 'staff_charge'],
      ...['waived', 'waived_on', 'waived_by', 'validated_by'],
    ]),
    latestFirst: true,
  },
  reservations: {
    name: 'reservations',
    model: 'Reservation',
    rows: (database) => [...database.reservations.committed().values()],
    filters: () => RESERVATION_FILTERS,
    relations: {
      ...{ user: 'users', creator: 'users', tool: 'tools', project: 'projects' },
      ...{ cancelled_by: 'users', descendant: 'reservations', ...BY_USERS },
    },
    notInOldVersion: new Set(['note', 'waived', 'waived_on', 'waived_by', 'validated_by']),
    latestFirst: true,
  },
  tools: {
    name: 'tools',
    model: 'Tool',
    rows: (database) => [...database.tools.committed().values()],
    filters: () => TOOL_FILTERS,
    relations: { parent_tool: 'tools', _primary_owner: 'users', _backup_owners: 'users' },
    notInOldVersion: new Set(['_max_delayed_logoff']),
    latestFirst: false,
  },
  users: {
    name: 'users',
    model: 'User',
    rows: (database) => [...database.users.committed().values()],
    filters: () => USER_FILTERS,
    relations: { projects: 'projects', managed_projects: 'projects', managed_users: 'users' },
    notInOldVersion: new Set(),
    latestFirst: false,
  },
  projects: {
    name: 'projects',
    model: 'Project',
    rows: (database) => [...database.projects.committed().values()],
    filters: () => NAMED_FILTERS,
    relations: {
      ...{ account: 'accounts', users: 'users' },
      ...{ principal_investigators: 'users', only_allow_tools: 'tools' },
    },
    notInOldVersion: new Set(),
    latestFirst: false,
  },
  accounts: {
    name: 'accounts',
    model: 'Account',
    rows: (database) => [...database.accounts.committed().values()],
    filters: () => NAMED_FILTERS,
    relations: {},
    notInOldVersion: new Set(),
    latestFirst: false,
  },
  adjustment_requests: {
    name: 'adjustment_requests',
    model: 'AdjustmentRequest',
    rows: (database) => [...database.adjustmentRequests.committed().values()],
    filters: () => ADJUSTMENT_FILTERS,
    relations: { creator: 'users', reviewer: 'users', new_project: 'projects', item_tool: 'tools' },
    notInOldVersion: new Set(),
    latestFirst: false,
  },
  content_types: {
    name: 'content_types',
    model: 'ContentType',
    rows: (database) => database.contentTypes.all(),
    filters: () => CONTENT_TYPE_FILTERS,
    relations: {},
    notInOldVersion: new Set(),
    latestFirst: false,
  },
};

/** The resource of that path segment, if this version has it. */
export function resourceNamed(name: string, version: NemoVersion): Resource | undefined {
  const found = Object.values(RESOURCES).find((resource) => resource.name === name);
  // Adjustment requests came with 6.0.0.
  return version === '4.x' && name === 'adjustment_requests' ? undefined : found;
}
