import { beforeEach, expect, test } from '@jest/globals';
import { setTool } from '../../src/db/instrument-store.js';
import { toolMapping } from '../../src/db/tool-mapping.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';

const API = 'https://nemo.example.org/api/';

describeDatabases('toolMapping', (fixture) => {
  const mapping = async (baseUrl = API) =>
    Object.fromEntries(await fixture.database.createScope(() => toolMapping('nemo', baseUrl)));

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan', { apiUrl: `${API}tools/?id=3` });
    await addInstrument(fixture.database, 'old', { active: false });
  });

  test('knows tools by instrument_tools and by the address that NexusLIMS wrote', async () => {
    await fixture.database.createScope(async () => {
      await setTool({ source: 'nemo', toolId: '12', instrumentPid: 'titan' });
      await setTool({ source: 'nemo', toolId: '13', instrumentPid: 'old' });
      await setTool({ source: 'nemo-2', toolId: '14', instrumentPid: 'old' });
      await setTool({ source: 'nemo', toolId: 'no-number', instrumentPid: 'old' });
    });
    expect(await mapping()).toEqual({
      3: { instrumentPid: 'titan', active: true },
      12: { instrumentPid: 'titan', active: true },
      13: { instrumentPid: 'old', active: false },
    });
  });

  test('takes instrument_tools for what it is where both name a tool', async () => {
    await fixture.database.createScope(() =>
      setTool({ source: 'nemo', toolId: '3', instrumentPid: 'old' }),
    );
    expect(await mapping()).toEqual({ 3: { instrumentPid: 'old', active: false } });
  });

  test.each([
    ['https://nemo.example.org/api', true],
    ['https://NEMO.example.org:443/api/', true],
    ['https://nemo.example.org/', false],
    ['https://nemo.example.org/other/api/', false],
    ['http://nemo.example.org/api/', false],
  ])('compares the address with %s', async (baseUrl, same) => {
    expect(Object.keys(await mapping(baseUrl))).toEqual(same ? ['3'] : []);
  });
});
