import { startFakeNemo, type FakeNemo, type FakeNemoOptions } from './start-fake-nemo.js';

/** The day of the examples in the reference: only the second and its fraction differ. */
export function atSecond(seconds: string): string {
  return `2026-11-20T23:51:${seconds}-05:00`;
}

/** A fake whose tools, people and projects are those of the examples in the reference, in its hour. */
export async function startNautilus(options: FakeNemoOptions = {}): Promise<FakeNemo> {
  const nemo = await startFakeNemo({ now: atSecond('32.865665'), ...options });
  nemo.addUser({ username: 'captain', is_staff: true, is_superuser: true });
  nemo.addUser({
    username: 'pierre',
    first_name: 'Pierre',
    last_name: 'Aronnax',
    qualifications: [1, 2],
    projects: [2, 1],
  });
  nemo.addUser({ username: 'ned', is_staff: true });
  nemo.addUser({ username: 'conseil' });
  nemo.addAccount({ name: 'MSED', start_date: '2020-01-02', type: 1 });
  nemo.addProject({
    name: 'Grain boundary study',
    application_identifier: 'GB-001',
    start_date: '2024-03-01',
    users: [1, 3, 4, 2],
    discipline: 1,
  });
  nemo.addProject({ name: 'Battery cathodes' });
  nemo.addTool({ name: 'FEI Titan STEM' });
  nemo.addTool({ name: 'FEI Titan TEM', _primary_owner: 3 });
  return nemo;
}

export interface Told {
  readonly status: number;
  readonly text: string;
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Asks the fake by plain HTTP with its token; `path` follows /api/. Redirects are not followed. */
export async function ask(nemo: FakeNemo, path: string, question: Question = {}): Promise<Told> {
  const headers = { Authorization: `Token ${nemo.token}`, ...question.headers };
  const response = await fetch(`${nemo.baseUrl}${path}`, {
    redirect: 'manual',
    ...question,
    headers,
  });
  const text = await response.text();
  return { status: response.status, text, headers: new Map(response.headers) };
}
