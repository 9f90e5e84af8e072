import type { Instant } from './instants.js';
import type {
  AccountRow,
  ProjectRow,
  ReservationRow,
  ToolRow,
  UsageEventRow,
  UserRow,
} from './rows.js';

/** What must be known of a usage event; the rest has the defaults of NEMO's model. */
export type NewUsageEvent = Partial<UsageEventRow> &
  Pick<UsageEventRow, 'id' | 'start' | 'user' | 'operator' | 'project' | 'tool'>;

export function newUsageEvent(values: NewUsageEvent): UsageEventRow {
  const defaults = {
    id: 0,
    start: 0n,
    end: null,
    has_ended: 0,
    note: null,
    validated: false,
    remote_work: false,
    training: false,
    pre_run_data: null,
    run_data: null,
    waived: false,
    waived_on: null,
    user: 0,
    operator: 0,
    project: 0,
    tool: 0,
    staff_charge: null,
    validated_by: null,
    waived_by: null,
  };
  return { ...defaults, ...values };
}

export type NewReservation = Partial<ReservationRow> &
  Pick<ReservationRow, 'id' | 'creation_time' | 'start' | 'end' | 'user' | 'creator'>;

export function newReservation(values: NewReservation): ReservationRow {
  const defaults = {
    id: 0,
    question_data: null,
    configuration_options: [],
    creation_time: 0n,
    start: 0n,
    end: 0n,
    short_notice: false,
    cancelled: false,
    cancellation_time: null,
    missed: false,
    shortened: false,
    additional_information: null,
    self_configuration: false,
    title: '',
    note: null,
    validated: false,
    waived: false,
    waived_on: null,
    user: 0,
    creator: 0,
    tool: null,
    area: null,
    project: null,
    cancelled_by: null,
    descendant: null,
    validated_by: null,
    waived_by: null,
  };
  return { ...defaults, ...values };
}

export function newTool(
  values: Partial<ToolRow> & { readonly id: number; readonly name: string },
): ToolRow {
  const defaults = {
    id: 0,
    name: '',
    visible: true,
    _description: null,
    _serial: null,
    _image: null,
    _tool_calendar_color: '#33ad33',
    _category: 'Electron microscopy/TEM',
    // The columns of a child tool are defaults that mean nothing: it works although it says false.
    _operational: (values.parent_tool ?? null) === null,
    _problem_shutdown_enabled: true,
    _properties: null,
    _location: 'B217/102',
    _phone_number: null,
    _notification_email_address: null,
    _qualification_reminder_days: null,
    _qualification_expiration_days: null,
    _qualification_expiration_never_used_days: null,
    _qualification_notification_email: '',
    _requires_area_occupancy_minimum: null,
    _ask_to_leave_area_when_done_using: false,
    _grant_badge_reader_access_upon_qualification: null,
    _reservation_horizon: 14,
    _minimum_usage_block_time: null,
    _maximum_usage_block_time: null,
    _maximum_reservations_per_day: null,
    _maximum_future_reservations: null,
    _minimum_time_between_reservations: null,
    _maximum_future_reservation_time: null,
    _missed_reservation_threshold: null,
    _late_cancellation_reservation_threshold: null,
    _max_delayed_logoff: null,
    _policy_off_between_times: false,
    _policy_off_start_time: null,
    _policy_off_end_time: null,
    _policy_off_weekend: false,
    _operation_mode: 0,
    _abuse_weight: 1,
    parent_tool: null,
    _primary_owner: null,
    _interlock: null,
    _requires_area_access: null,
    _grant_physical_access_level_upon_qualification: null,
    _backup_owners: [],
    _superusers: [],
    _staff: [],
    _adjustment_request_reviewers: [],
  };
  return { ...defaults, ...values };
}

export function newUser(
  joined: Instant,
  values: Partial<UserRow> & { readonly id: number; readonly username: string },
): UserRow {
  const defaults = {
    id: 0,
    user_documents: [],
    username: '',
    first_name: values.username,
    last_name: values.username,
    email: `${values.username}@example.org`,
    domain: '',
    notes: null,
    badge_number: String(values.id),
    access_expiration: null,
    is_active: true,
    is_staff: false,
    is_user_office: false,
    is_accounting_officer: false,
    is_service_personnel: false,
    is_technician: false,
    is_facility_manager: false,
    is_superuser: false,
    training_required: false,
    date_joined: joined,
    last_login: null,
    type: null,
    onboarding_phases: [],
    safety_trainings: [],
    physical_access_levels: [],
    groups: [],
    user_permissions: [],
    qualifications: [],
    projects: [],
    managed_projects: [],
    managed_accounts: [],
    managed_users: [],
  };
  return { ...defaults, ...values };
}

export function newProject(
  values: Partial<ProjectRow> & {
    readonly id: number;
    readonly name: string;
    readonly account: number;
  },
): ProjectRow {
  const defaults = {
    id: 0,
    principal_investigators: [],
    users: [],
    name: '',
    application_identifier: `P-${String(values.id).padStart(3, '0')}`,
    start_date: null,
    active: true,
    allow_consumable_withdrawals: true,
    allow_staff_charges: true,
    account: 0,
    discipline: null,
    project_types: [],
    only_allow_tools: [],
  };
  return { ...defaults, ...values };
}

export function newAccount(
  values: Partial<AccountRow> & { readonly id: number; readonly name: string },
): AccountRow {
  const defaults = { id: 0, name: '', note: null, start_date: null, active: true, type: null };
  return { ...defaults, ...values };
}
