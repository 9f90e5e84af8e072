import { serveControlPage } from './control-page.js';
import { startFakeNemo, type FakeNemo } from './start-fake-nemo.js';

/** A facility to rehearse with: three tools, one of them a child, three people and two projects. */
export function furnish(nemo: FakeNemo): void {
  const parent = nemo.addTool({ name: 'FEI Titan STEM' });
  nemo.addTool({ name: 'FEI Titan TEM' });
  nemo.addTool({ name: 'FEI Titan STEM (cryo holder)', parent_tool: parent.id });
  nemo.addUser({ username: 'captain', first_name: 'Captain', last_name: 'Nemo', is_staff: true });
  nemo.addUser({ username: 'pierre', first_name: 'Pierre', last_name: 'Aronnax' });
  nemo.addUser({ username: 'ned', first_name: 'Ned', last_name: 'Land', is_staff: true });
  nemo.addProject({ name: 'Grain boundary study', application_identifier: 'GB-001' });
  nemo.addProject({ name: 'Battery cathodes', application_identifier: 'BC-002' });
}

/** What `npm run fake-nemo` starts: runs until it is interrupted. */
export async function rehearse(port: number, timeZone: string): Promise<FakeNemo> {
  const nemo = await startFakeNemo({ port, timeZone });
  furnish(nemo);
  serveControlPage(nemo);
  return nemo;
}
