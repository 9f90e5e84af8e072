import type { ResourceName } from './resources.js';

export type FilterKind = 'number' | 'moment' | 'relation' | 'flag' | 'text';

/** What may be asked of one field; `exact` is the parameter without a suffix. */
export interface FilterField {
  readonly column: string;
  readonly kind: FilterKind;
  readonly lookups: ReadonlySet<string>;
  /** Whose rows the value must name: filters on a foreign key refuse unknown ids. */
  readonly target?: ResourceName;
}

export type FilterFields = Readonly<Record<string, FilterField>>;

function field(column: string, kind: FilterKind, lookups: readonly string[]): FilterField {
  return { column, kind, lookups: new Set(lookups) };
}

function relation(
  column: string,
  target: ResourceName,
  lookups: readonly string[] = ['exact', 'in', 'isnull'],
): FilterField {
  return { ...field(column, 'relation', lookups), target };
}

const MOMENT = [
  ...['exact', 'in', 'gte', 'gt', 'lte', 'lt', 'isnull'],
  ...['year', 'month', 'day', 'week', 'hour', 'minute', 'second'],
];
const TEXT = ['exact', 'iexact', 'in', 'contains', 'icontains', 'isempty'];
const EXACT = ['exact'];
const ID = field('id', 'number', ['exact', 'in', 'isnull']);

export const USAGE_EVENT_FILTERS: FilterFields = {
  id: ID,
  start: field('start', 'moment', MOMENT),
  end: field('end', 'moment', MOMENT),
  project_id: relation('project', 'projects'),
  project: relation('project', 'projects'),
  user_id: relation('user', 'users'),
  user: relation('user', 'users'),
  operator_id: relation('operator', 'users'),
  operator: relation('operator', 'users'),
  tool_id: relation('tool', 'tools'),
  tool: relation('tool', 'tools'),
  validated_by: relation('validated_by', 'users'),
  waived_by: relation('waived_by', 'users'),
  training: field('training', 'flag', EXACT),
  validated: field('validated', 'flag', EXACT),
  waived: field('waived', 'flag', EXACT),
  waived_on: field('waived_on', 'moment', MOMENT),
  note: field('note', 'text', TEXT),
};

/** The filters every version since 3.11.0 has. */
export const OLD_USAGE_EVENT_FILTERS: FilterFields = {
  id: field('id', 'number', ['exact', 'in']),
  start: field('start', 'moment', ['gte', 'gt', 'lte', 'lt']),
  end: field('end', 'moment', ['gte', 'gt', 'lte', 'lt', 'isnull']),
  project_id: relation('project', 'projects', ['exact', 'in']),
  user_id: relation('user', 'users', ['exact', 'in']),
  operator_id: relation('operator', 'users', ['exact', 'in']),
  tool_id: relation('tool', 'tools', ['exact', 'in']),
};

export const RESERVATION_FILTERS: FilterFields = {
  id: ID,
  start: field('start', 'moment', MOMENT),
  end: field('end', 'moment', MOMENT),
  project_id: relation('project', 'projects'),
  project: relation('project', 'projects'),
  user_id: relation('user', 'users'),
  user: relation('user', 'users'),
  creator_id: relation('creator', 'users'),
  creator: relation('creator', 'users'),
  tool_id: relation('tool', 'tools'),
  tool: relation('tool', 'tools'),
  cancelled: field('cancelled', 'flag', EXACT),
  shortened: field('shortened', 'flag', EXACT),
  missed: field('missed', 'flag', EXACT),
  question_data: field('question_data', 'text', TEXT),
};

export const TOOL_FILTERS: FilterFields = {
  id: ID,
  name: field('name', 'text', TEXT),
  visible: field('visible', 'flag', EXACT),
  _category: field('_category', 'text', TEXT),
};

export const USER_FILTERS: FilterFields = {
  id: ID,
  username: field('username', 'text', TEXT),
  badge_number: field('badge_number', 'text', TEXT),
  is_active: field('is_active', 'flag', EXACT),
};

/** Projects and accounts. */
export const NAMED_FILTERS: FilterFields = {
  id: ID,
  name: field('name', 'text', TEXT),
  active: field('active', 'flag', EXACT),
};

export const ADJUSTMENT_FILTERS: FilterFields = {
  id: ID,
  creation_time: field('creation_time', 'moment', MOMENT),
  last_updated: field('last_updated', 'moment', MOMENT),
  item_id: field('item_id', 'number', ['exact', 'in']),
  item_type: relation('item_type', 'content_types', ['exact', 'in']),
  status: field('status', 'number', ['exact', 'in']),
  applied: field('applied', 'flag', EXACT),
  deleted: field('deleted', 'flag', EXACT),
};

export const CONTENT_TYPE_FILTERS: FilterFields = {
  id: ID,
  app_label: field('app_label', 'text', TEXT),
  model: field('model', 'text', TEXT),
};
