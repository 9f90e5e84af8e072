import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ask, atSecond, startNautilus } from '../support/fake-nemo/nautilus.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';

const QUESTIONS = {
  experiment_title: {
    type: 'textbox',
    name: 'experiment_title',
    title: 'Title of Experiment',
    required: true,
    user_input: 'GB segregation',
  },
  data_consent: {
    type: 'radio',
    name: 'data_consent',
    title: 'Agree to NexusLIMS curation',
    choices: ['Agree', 'Disagree'],
    default_choice: 'Agree',
    user_input: 'Agree',
  },
};

/** What people did on the Nautilus before the examples were taken. */
function live(nemo: FakeNemo): void {
  nemo.setNow(atSecond('33.355367'));
  nemo.addReservation({
    ...{ user: 2, tool: 1, project: 1, question_data: QUESTIONS },
    start: '2026-11-20T23:21:32.844359-05:00',
    end: '2026-11-21T02:51:32.844359-05:00',
  });
  nemo.setNow(atSecond('33.391881'));
  nemo.enable(1, 2, 2, 1, { preRunData: QUESTIONS, note: 'gone at the end' });
  nemo.setNow(atSecond('33.410995'));
  nemo.disable(1, { answers: { images: { type: 'number', user_input: '12' } } });
  nemo.setNow(atSecond('33.431192'));
  nemo.enable(2, 2, 3, 2, { remote: true, staffCharge: true });
  nemo.setNow(atSecond('33.447271'));
  nemo.disable(2);
  nemo.setNow(atSecond('33.484614'));
  nemo.enable(2, 3, 3, 1, { training: true });
  nemo.setNow(atSecond('33.495324'));
  nemo.disable(2);
  nemo.setNow(atSecond('33.508529'));
  nemo.enable(1, 2, 2, 1);
  nemo.setNow(atSecond('33.520028'));
  nemo.disable(1, { downtimeMinutes: 30 });
  nemo.setNow(atSecond('33.540902'));
  nemo.enable(2, 2, 2, 1);
  const old = { tool: 1, user: 2, project: 1 };
  nemo.backdate({ ...old, start: '2025-11-02T05:30:00Z', end: '2025-11-02T06:15:00Z' });
  const zero = '2025-07-01T13:00:00Z';
  const { id } = nemo.backdate({ ...old, operator: 3, start: zero, end: zero });
  nemo.validate(id, 3);
  nemo.setNow(atSecond('33.564911'));
  nemo.waive(id, 1);
  nemo.changeUserRow(2, { last_login: nemo.now() - 33_751n });
}

const TAIL = '"waived":false,"waived_on":null';
const NOT_BY = '"validated_by":null,"waived_by":null}';

const EXAMPLES: readonly (readonly [string, string, string])[] = [
  [
    '2.1 in progress',
    'usage_events/5/',
    '{"id":5,"start":"2026-11-20T23:51:33.540902-05:00","end":null,"has_ended":0,"note":null,"validated":false,"remote_work":false,"training":false,"pre_run_data":"","run_data":null,"waived":false,"waived_on":null,"user":2,"operator":2,"project":1,"tool":2,"staff_charge":null,"validated_by":null,"waived_by":null}',
  ],
  [
    '2.2 finished',
    'usage_events/1/?omit=pre_run_data,run_data',
    `{"id":1,"start":"2026-11-20T23:51:33.391881-05:00","end":"2026-11-20T23:51:33.410995-05:00","has_ended":1,"note":null,"validated":false,"remote_work":false,"training":false,${TAIL},"user":2,"operator":2,"project":1,"tool":1,"staff_charge":null,${NOT_BY}`,
  ],
  [
    '2.2 answers are tab-indented text',
    'usage_events/1/?fields=pre_run_data',
    String.raw`{"pre_run_data":"{\n\t\"experiment_title\": {\n\t\t\"type\": \"textbox\",\n\t\t\"name\": \"experiment_title\",\n\t\t\"title\": \"Title of Experiment\",\n\t\t\"required\": true,\n\t\t\"user_input\": \"GB segregation\"\n\t},\n\t\"data_consent\": {\n\t\t\"type\": \"radio\",\n\t\t\"name\": \"data_consent\",\n\t\t\"title\": \"Agree to NexusLIMS curation\",\n\t\t\"choices\": [\n\t\t\t\"Agree\",\n\t\t\t\"Disagree\"\n\t\t],\n\t\t\"default_choice\": \"Agree\",\n\t\t\"user_input\": \"Agree\"\n\t}\n}"}`,
  ],
  [
    '2.4 remote work with a staff charge',
    'usage_events/2/',
    '{"id":2,"start":"2026-11-20T23:51:33.431192-05:00","end":"2026-11-20T23:51:33.447271-05:00","has_ended":2,"note":null,"validated":false,"remote_work":true,"training":false,"pre_run_data":"","run_data":"","waived":false,"waived_on":null,"user":2,"operator":3,"project":2,"tool":2,"staff_charge":1,"validated_by":null,"waived_by":null}',
  ],
  [
    '2.5 training',
    'usage_events/3/',
    '{"id":3,"start":"2026-11-20T23:51:33.484614-05:00","end":"2026-11-20T23:51:33.495324-05:00","has_ended":3,"note":null,"validated":false,"remote_work":false,"training":true,"pre_run_data":"","run_data":"","waived":false,"waived_on":null,"user":3,"operator":3,"project":1,"tool":2,"staff_charge":null,"validated_by":null,"waived_by":null}',
  ],
  [
    '2.5 delayed logoff ends in the future',
    'usage_events/4/?fields=start,end,has_ended',
    '{"start":"2026-11-20T23:51:33.508529-05:00","end":"2026-11-21T00:21:33.520028-05:00","has_ended":4}',
  ],
  [
    '1.8 the change to winter time is unambiguous',
    'usage_events/6/?fields=start,end,has_ended',
    '{"start":"2025-11-02T01:30:00-04:00","end":"2025-11-02T01:15:00-05:00","has_ended":5}',
  ],
  [
    '2.5 zero length, validated and waived',
    'usage_events/7/',
    '{"id":7,"start":"2025-07-01T09:00:00-04:00","end":"2025-07-01T09:00:00-04:00","has_ended":6,"note":null,"validated":true,"remote_work":false,"training":false,"pre_run_data":null,"run_data":null,"waived":true,"waived_on":"2026-11-20T23:51:33.564911-05:00","user":2,"operator":3,"project":1,"tool":1,"staff_charge":null,"validated_by":3,"waived_by":1}',
  ],
  [
    '2.6 reservation, shortened with a descendant',
    'reservations/1/',
    '{"id":1,"question_data":{"experiment_title":{"type":"textbox","name":"experiment_title","title":"Title of Experiment","required":true,"user_input":"GB segregation"},"data_consent":{"type":"radio","name":"data_consent","title":"Agree to NexusLIMS curation","choices":["Agree","Disagree"],"default_choice":"Agree","user_input":"Agree"}},"configuration_options":[],"creation_time":"2026-11-20T23:51:33.355367-05:00","start":"2026-11-20T23:21:32.844359-05:00","end":"2026-11-21T02:51:32.844359-05:00","short_notice":false,"cancelled":false,"cancellation_time":null,"missed":false,"shortened":true,"additional_information":null,"self_configuration":false,"title":"","note":null,"validated":false,"waived":false,"waived_on":null,"user":2,"creator":2,"tool":1,"area":null,"project":1,"cancelled_by":null,"descendant":2,"validated_by":null,"waived_by":null}',
  ],
  [
    '2.6 tool',
    'tools/2/',
    '{"id":2,"name":"FEI Titan TEM","visible":true,"_description":null,"_serial":null,"_image":null,"_tool_calendar_color":"#33ad33","_category":"Electron microscopy/TEM","_operational":true,"_problem_shutdown_enabled":true,"_properties":null,"_location":"B217/102","_phone_number":null,"_notification_email_address":null,"_qualification_reminder_days":null,"_qualification_expiration_days":null,"_qualification_expiration_never_used_days":null,"_qualification_notification_email":"","_requires_area_occupancy_minimum":null,"_ask_to_leave_area_when_done_using":false,"_grant_badge_reader_access_upon_qualification":null,"_reservation_horizon":14,"_minimum_usage_block_time":null,"_maximum_usage_block_time":null,"_maximum_reservations_per_day":null,"_maximum_future_reservations":null,"_minimum_time_between_reservations":null,"_maximum_future_reservation_time":null,"_missed_reservation_threshold":null,"_late_cancellation_reservation_threshold":null,"_max_delayed_logoff":null,"_policy_off_between_times":false,"_policy_off_start_time":null,"_policy_off_end_time":null,"_policy_off_weekend":false,"_operation_mode":0,"_abuse_weight":1,"parent_tool":null,"_primary_owner":3,"_interlock":null,"_requires_area_access":null,"_grant_physical_access_level_upon_qualification":null,"_backup_owners":[],"_superusers":[],"_staff":[],"_adjustment_request_reviewers":[]}',
  ],
  [
    '2.6 user',
    'users/2/',
    '{"id":2,"user_documents":[],"username":"pierre","first_name":"Pierre","last_name":"Aronnax","email":"pierre@example.org","domain":"","notes":null,"badge_number":"2","access_expiration":null,"is_active":true,"is_staff":false,"is_user_office":false,"is_accounting_officer":false,"is_service_personnel":false,"is_technician":false,"is_facility_manager":false,"is_superuser":false,"training_required":false,"date_joined":"2026-11-20T23:51:32.865665-05:00","last_login":"2026-11-20T23:51:33.531160-05:00","type":null,"onboarding_phases":[],"safety_trainings":[],"physical_access_levels":[],"groups":[],"user_permissions":[],"qualifications":[1,2],"projects":[2,1],"managed_projects":[],"managed_accounts":[],"managed_users":[]}',
  ],
  [
    '2.6 project',
    'projects/1/',
    '{"id":1,"principal_investigators":[],"users":[1,3,4,2],"name":"Grain boundary study","application_identifier":"GB-001","start_date":"2024-03-01","active":true,"allow_consumable_withdrawals":true,"allow_staff_charges":true,"account":1,"discipline":1,"project_types":[],"only_allow_tools":[]}',
  ],
  [
    '2.6 account',
    'accounts/1/',
    '{"id":1,"name":"MSED","note":null,"start_date":"2020-01-02","active":true,"type":1}',
  ],
  [
    '2.7 expanded and sparse',
    'usage_events/2/?expand=user,operator,tool,project&fields=id,start,end,user.id,user.username,operator.username,tool.id,tool.name,project.id,project.name,project.account',
    '{"id":2,"start":"2026-11-20T23:51:33.431192-05:00","end":"2026-11-20T23:51:33.447271-05:00","user":{"id":2,"username":"pierre"},"operator":{"username":"ned"},"project":{"id":2,"name":"Battery cathodes","account":1},"tool":{"id":2,"name":"FEI Titan TEM"}}',
  ],
  [
    '1.9 unknown names and staff_charge are not expanded',
    'usage_events/2/?expand=nothing,staff_charge,project.account&fields=staff_charge,project.account.name',
    '{"project":{"account":{"name":"MSED"}},"staff_charge":1}',
  ],
];

describe('the examples of the reference, byte for byte', () => {
  let nemo: FakeNemo;
  beforeAll(async () => {
    nemo = await startNautilus();
    live(nemo);
  });
  afterAll(() => nemo.close());

  test.each(EXAMPLES)('%s', async (_, path, expected) => {
    const told = await ask(nemo, path);
    expect(told.status).toBe(200);
    expect(told.text).toBe(expected);
    expect(told.headers.get('content-type')).toBe('application/json');
  });

  test('tool_status says who uses the tool now; metadata which version it is', async () => {
    const { text } = await ask(nemo, 'tool_status/');
    expect(JSON.parse(text)).toMatchObject([
      // The logoff of tool 1 is delayed: nobody uses it.
      { id: 1, in_use: false, current_usage_id: null },
      { id: 2, in_use: true, customer_username: 'pierre', current_usage_id: 5 },
    ]);
    const version = await ask(nemo, 'metadata/');
    expect(JSON.parse(version.text)).toMatchObject({ nemo_version: '8.0.2' });
  });
});
