import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { isDeadOwner, leaseOwnerName } from '../../src/daemon/lease-owner.js';

const MODULE = new URL('../../dist/daemon/lease-owner.js', import.meta.url).href;
const linuxTest = existsSync('/proc/self/stat') ? test : test.skip;

/** Another process that has named itself. */
async function startOwner() {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { leaseOwnerName } from ${JSON.stringify(MODULE)};
       process.stdout.write(await leaseOwnerName('lab'));
       setInterval(() => undefined, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [name] = (await once(child.stdout, 'data')) as [Buffer];
  const kill = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { name: name.toString(), kill };
}

linuxTest('an owner is dead as soon as its process is', async () => {
  const owner = await startOwner();
  try {
    expect(await isDeadOwner(owner.name)).toBe(false);
  } finally {
    await owner.kill();
  }
  expect(await isDeadOwner(owner.name)).toBe(true);
});

linuxTest('another process with the id of the owner does not keep it alive', async () => {
  const own = await leaseOwnerName('lab');
  expect(own).toMatch(new RegExp(`^lab:${String(process.pid)}:[0-9a-f]{12}-[0-9]+$`));
  expect(await isDeadOwner(own)).toBe(false);
  expect(await isDeadOwner(own.replace(/\d+$/, '1'))).toBe(true);
});

linuxTest(
  'an owner among other process ids, as in a container, is never known to be dead',
  async () => {
    const owner = await startOwner();
    await owner.kill();
    const elsewhere = owner.name.replace(/[0-9a-f]{12}-/, `${'0'.repeat(12)}-`);
    expect(await isDeadOwner(elsewhere)).toBe(false);
  },
);

test.each(['lab:1', 'lab', '', 'lab:0:000000000000-1', 'lab:99999999999:abc-1'])(
  'an owner without marks (%j) is never known to be dead',
  async (owner) => {
    expect(await isDeadOwner(owner)).toBe(false);
  },
);
