import { createServer, type AddressInfo } from 'node:net';
import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createLab, httpAddress, SERVES_HTTP, type Lab } from '../support/lab.js';
import { waitFor } from '../support/wait-for.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

let lab: Lab | null = null;
afterEach(async () => {
  await lab?.remove();
  lab = null;
});

async function makeLab(): Promise<Lab> {
  lab = await createLab({ engine: 'sqlite', settings: SERVES_HTTP });
  return lab;
}

describe('the daemon', () => {
  test('serves health and metrics while it runs, and tells of builds and of a store that is away', async () => {
    const lab = await makeLab();
    await lab.log('first', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    lab.spectrum('titan/a.msa', '2026-03-02T09:30:00Z');
    await lab.addInstrument('helios');
    rmdirSync(join(lab.data, 'helios'));
    const daemon = lab.start(['run']);
    const address = await httpAddress(daemon);
    expect(daemon.stderr.indexOf('The HTTP interface listens.')).toBeLessThan(
      daemon.stderr.indexOf('recordsmith is running.'),
    );
    const text = async (path: string): Promise<string> => (await fetch(`${address}${path}`)).text();
    expect(await text('/livez')).toBe('alive\n');
    await waitFor('the build is counted', async () =>
      (await text('/metrics')).includes('recordsmith_builds_total{outcome="COMPLETED"} 1'),
    );
    // Its answers hold for some seconds.
    expect(await text('/readyz')).toMatch(
      /^not ready\nstore helios helios: The folder \S+ does not exist: [^\n]+\n$/,
    );
    expect((await fetch(`${address}/readyz`)).status).toBe(503);
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    await expect(fetch(`${address}/livez`)).rejects.toThrow();
  });

  test('takes new settings of the interface at SIGHUP, and none that cannot be', async () => {
    const lab = await makeLab();
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const daemon = lab.start(['run']);
    const before = await httpAddress(daemon);
    lab.configure({ http: { base_path: '/em' } });
    daemon.kill('SIGHUP');
    const after = await httpAddress(daemon, 2);
    expect(after).toBe(`${before}/em`);
    expect((await fetch(`${after}/livez`)).status).toBe(200);

    lab.configure({ http: { port } });
    daemon.kill('SIGHUP');
    await daemon.saw('The new configuration has faults; the old one stays in force.');
    expect(daemon.stderr).toContain('LISTEN_FAILED');
    expect((await fetch(`${after}/livez`)).status).toBe(200);

    lab.configure({ http: { enabled: false } });
    daemon.kill('SIGHUP');
    await daemon.saw('The configuration was read again.', 2);
    await expect(fetch(`${after}/livez`)).rejects.toThrow();
    taken.close();
  });

  test('ends with 78 where another program listens, naming host, port and remedy', async () => {
    const lab = await makeLab();
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    lab.configure({ http: { port } });
    const { code, stderr } = await lab.run(['run']);
    taken.close();
    expect(code).toBe(78);
    expect(stderr).toContain(`cannot listen on 127.0.0.1 port ${port}: another program does.`);
    expect(stderr).toContain('http.enabled: false');
    expect(stderr).not.toContain('recordsmith is running.');
  });

  test('leaves the address to another daemon that serves there, and takes its place when that has ended', async () => {
    const lab = await makeLab();
    const first = lab.start(['run']);
    await first.saw('recordsmith is running.');
    const address = await httpAddress(first);
    lab.configure({ http: { port: Number(new URL(address).port) } });
    const second = lab.start(['run']);
    await second.saw('recordsmith is running.');
    expect(second.stderr).toContain('Another recordsmith serves HTTP here');
    first.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
    await second.saw('The HTTP interface listens.');
    expect((await fetch(`${address}/livez`)).status).toBe(200);
    second.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ code: 0 });
  });

  test('without http.enabled has no interface', async () => {
    const lab = await makeLab();
    lab.configure({ http: { enabled: false } });
    const daemon = lab.start(['run']);
    await daemon.saw('recordsmith is running.');
    expect(daemon.stderr).not.toContain('The HTTP interface listens.');
  });
});
