import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { useApiToken } from '../../src/db/api-token-store.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';
import { runInProcess } from './run-in-process.js';

describeDatabases('tokens', (fixture) => {
  const lab = commandFolder(() => fixture.url);
  const run = (...args: string[]) =>
    runInProcess(lab.current.folder, [...args, '--config', 'recordsmith.yaml']);
  const document = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const use = (text: string, atMs = Date.now()) =>
    fixture.database.createScope(() => useApiToken(text, atMs));
  const create = ['tokens', 'create', '--name', 'titan-pc', '--scope', 'ingest'];

  test('a token is shown once, works until it is revoked, and only its hash is kept', async () => {
    await addInstrument(fixture.database, 'titan');
    const made = await document(...create, '--instrument', 'titan', '--expires', '30');
    const token = String(made['token']);
    expect(token).toMatch(/^rs_[A-Za-z0-9_-]{43}$/);
    expect(made).toMatchObject({
      name: 'titan-pc',
      scopes: ['ingest'],
      instrument: 'titan',
      state: 'valid',
      revoked_at: null,
    });
    const lifeMs = Date.parse(String(made['expires_at'])) - Date.parse(String(made['created_at']));
    expect(Math.abs(lifeMs - 30 * 86_400_000)).toBeLessThan(60_000);
    expect(await use(token)).toMatchObject({ kind: 'valid', token: { instrumentPid: 'titan' } });
    expect(await use(`${token}x`)).toEqual({ kind: 'unknown' });
    const listed = await run('tokens', 'list');
    expect(listed.stdout).toContain('titan-pc');
    const rows = await fixture.database.knex('api_tokens');
    expect(JSON.stringify([listed.stdout, rows])).not.toContain(token.slice(3));
    expect(await run('tokens', 'revoke', 'titan-pc')).toMatchObject({ code: 0 });
    expect(await use(token)).toEqual({ kind: 'revoked' });
    expect(await document('tokens', 'list')).toEqual({ tokens: [] });
    expect(await document('tokens', 'list', '--all')).toMatchObject({
      tokens: [{ name: 'titan-pc', state: 'revoked' }],
    });
  });

  test('without --json the token stands alone on standard output when it is quiet', async () => {
    const { stdout } = await run(...create, '--quiet');
    expect(stdout).toMatch(/^rs_[A-Za-z0-9_-]{43}\n$/);
  });

  test('an expired token holds no more; its last use is known to the minute', async () => {
    const made = await document(...create, '--expires', '2999-01-01T00:00Z');
    const token = String(made['token']);
    const nowMs = Date.parse('2026-03-01T12:00:00.000Z');
    const lastUse = async (): Promise<unknown> =>
      (await fixture.database.knex<{ last_used_at: string }>('api_tokens').first())?.last_used_at;
    await use(token, nowMs);
    await use(token, nowMs + 59_000);
    expect(await lastUse()).toBe('2026-03-01T12:00:00.000Z');
    await use(token, nowMs + 61_000);
    expect(await lastUse()).toBe('2026-03-01T12:01:01.000Z');
    expect(await use(token, Date.parse('2999-01-01T00:00:00Z'))).toEqual({ kind: 'expired' });
  });

  test('what is wrong is refused with the exit code of its kind', async () => {
    expect(await run(...create, '--scope', 'everything')).toMatchObject({ code: 64 });
    expect(await run('tokens', 'create', '--name', 'x')).toMatchObject({ code: 64 });
    expect(await run(...create, '--instrument', 'nowhere')).toMatchObject({ code: 65 });
    expect(await run(...create, '--expires', '2001-01-01')).toMatchObject({ code: 65 });
    expect(await run('tokens', 'revoke', 'nobody')).toMatchObject({ code: 65 });
    await document(...create);
    const twice = await run(...create);
    expect(twice).toMatchObject({ code: 65, stderr: expect.stringContaining('titan-pc already') });
  });

  test('a dump has the tokens without their hashes', async () => {
    await document(...create, '--scope', 'read');
    await run('dump', '--out', 'out', '--table', 'api_tokens');
    const csv = readFileSync(join(lab.current.folder, 'out', 'api_tokens.csv'), 'utf8');
    expect(csv).toContain('titan-pc');
    expect(csv).not.toMatch(/sha256|[0-9a-f]{64}/);
  });
});
