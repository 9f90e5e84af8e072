import type { Context } from './context.js';
import { deleteEvent } from './event-rules.js';
import { newAccount, newProject, newTool, newUser } from './new-rows.js';
import type {
  AccountRow,
  ProjectRow,
  ReservationRow,
  ToolRow,
  UsageEventRow,
  UserRow,
} from './rows.js';

/** Tools, people and projects: made, changed and deleted with all that hangs on them. */
export function facilityControls(context: Context) {
  const { database, clock } = context;

  function addTool(values: Partial<ToolRow> & { readonly name: string }): ToolRow {
    return database.tools.put(newTool({ ...values, id: values.id ?? database.tools.nextId() }));
  }

  function addUser(values: Partial<UserRow> & { readonly username: string }): UserRow {
    const id = values.id ?? database.users.nextId();
    return database.users.put(newUser(clock.now(), { ...values, id }));
  }

  function addAccount(values: Partial<AccountRow> & { readonly name: string }): AccountRow {
    const id = values.id ?? database.accounts.nextId();
    return database.accounts.put(newAccount({ ...values, id }));
  }

  /** Without an account the project gets the first one, made when there is none. */
  function addProject(values: Partial<ProjectRow> & { readonly name: string }): ProjectRow {
    const account =
      values.account ?? (database.accounts.all()[0] ?? addAccount({ name: 'MSED' })).id;
    const id = values.id ?? database.projects.nextId();
    return database.projects.put(newProject({ ...values, id, account }));
  }

  function cascade(
    event: (row: UsageEventRow) => boolean,
    reservation: (row: ReservationRow) => boolean,
  ): void {
    for (const row of database.usageEvents.all().filter(event)) deleteEvent(context, row.id);
    for (const row of database.reservations.all().filter(reservation))
      database.reservations.remove(row.id);
  }

  /** The tool, its children and every event and reservation on them. */
  function deleteTool(id: number): void {
    for (const tool of database.tools.all().filter((tool) => tool.parent_tool === id))
      deleteTool(tool.id);
    cascade(
      (event) => event.tool === id,
      (reservation) => reservation.tool === id,
    );
    database.tools.remove(id);
  }

  /** The user and every event in whatever part: customer, operator, who validated or waived it. */
  function deleteUser(id: number): void {
    cascade(
      (event) => [event.user, event.operator, event.validated_by, event.waived_by].includes(id),
      (reservation) => [reservation.user, reservation.creator].includes(id),
    );
    database.users.remove(id);
  }

  function deleteProject(id: number): void {
    cascade(
      (event) => event.project === id,
      (reservation) => reservation.project === id,
    );
    database.projects.remove(id);
  }

  function deleteAccount(id: number): void {
    for (const project of database.projects.all().filter((project) => project.account === id))
      deleteProject(project.id);
    database.accounts.remove(id);
  }

  return {
    ...{ addTool, addUser, addAccount, addProject },
    ...{ deleteTool, deleteUser, deleteProject, deleteAccount },
    /** Renames, deactivates and the like. */
    changeUserRow: (id: number, changes: Partial<UserRow>) => database.users.update(id, changes),
    changeToolRow: (id: number, changes: Partial<ToolRow>) => database.tools.update(id, changes),
    changeProjectRow: (id: number, changes: Partial<ProjectRow>) =>
      database.projects.update(id, changes),
  };
}

export type FacilityControls = ReturnType<typeof facilityControls>;
