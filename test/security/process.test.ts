import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { makeKeyPair } from '../server/doors/key-pair.ts';
import { type LoggedServer, serveLogged } from '../support/logged-server.ts';

const full = '/dev/full';
const onFullDisk = existsSync(full) ? test : test.skip;

// Skipped where the system has no device that is always full.
onFullDisk('a log that cannot be written ends no server', async () => {
  await using log: FileHandle = await open(full, 'w');
  await using server = await serveLogged(log.fd);
  for (let call = 0; call < 20; call += 1) {
    expect((await server.door.ask('UnlockUser', { userId: 'nobody' })).code).toBe('NotFound');
  }
  expect((await server.stop()).code).toBe(0);
});

describe('the log', () => {
  const secret = 'correct horse battery staple';
  const breaks = '\n{"level":60,"msg":"forged"}\r\n\u001b[2J\u2028';
  const person = {
    profile: { givenName: breaks, familyName: breaks },
    email: { email: breaks, isVerified: true },
  };

  async function provoke({ door }: LoggedServer): Promise<void> {
    const { response } = await door.ask('ListOrganizations', {});
    const [organization] = response.organizations as { organizationId: string }[];
    const organizationId = organization?.organizationId ?? '';
    const asks = [
      () => door.ask('UnlockUser', { userId: breaks }),
      () => door.ask('LockUser', { userId: 'x' }, `1.${secret.replaceAll(' ', '-')}`),
      () => door.ask('LockUser', { userId: 'x' }, `"${secret}"`),
      () =>
        door.ask('CreateUser', {
          organizationId,
          userId: 'person',
          username: breaks,
          human: { ...person, password: { password: secret } },
        }),
      () =>
        door.ask('SetPassword', {
          userId: 'person',
          currentPassword: `${secret}!`,
          newPassword: { password: secret },
        }),
      () => door.ask('SetPassword', { userId: breaks, newPassword: { password: secret } }),
      () => door.ask('AddGrant', { userId: 'person', role: breaks }),
      () =>
        door.ask('UnlockUser', { userId: 'x' }, undefined, { 'latchkey-reason': encodeURIComponent(breaks) }),
      () =>
        door.ask('UnlockUser', { userId: 'x' }, undefined, {
          'x-request-id': 'forged"}',
          'user-agent': `"${secret}`,
        }),
    ];
    for (const ask of asks) await ask();
  }

  test('is one record a line, whatever stands in names, tokens and headers, and holds no secret', async () => {
    await using server = await serveLogged('pipe');
    await provoke(server);
    const token = readFileSync(join(dirname(server.database), 'admin-token'), 'utf8').trim();
    await fetch(`${server.url}/v2/users/person/password`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: `{"newPassword":{"password":"${secret}"`,
    });
    const { errors } = await server.stop();
    const lines = errors.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        level: expect.stringMatching(/^(debug|info|warn|error)$/),
        msg: expect.any(String),
      });
    expect(errors).not.toMatch(/forged|"level":60/);
    expect(errors).not.toContain('\u001b');
    expect(errors).not.toContain(secret);
    expect(errors).not.toContain(secret.replaceAll(' ', '-'));
    expect(errors).not.toContain(token.split('.')[1]);
  });

  test('tells the operator why a database did not answer, and the client nothing of it', async () => {
    await using server = await serveLogged('pipe');
    const { door } = server;
    using other = new DatabaseSync(server.database);
    other.exec('BEGIN IMMEDIATE');
    const { response } = await door.ask('ListOrganizations', {});
    const [organization] = response.organizations as { organizationId: string }[];
    const machine = { organizationId: organization?.organizationId ?? '', machine: { name: 'Machine' } };
    expect(await door.ask('CreateUser', machine)).toMatchObject({
      code: 'Unavailable',
      message: 'The database does not answer, please try again (LATCH-st0red0w)',
    });
    other.exec('COMMIT');
    other.exec('ALTER TABLE organizations RENAME TO elsewhere');
    const broken = await door.ask('ListOrganizations', {});
    expect(broken).toMatchObject({ code: 'Internal', message: 'internal error (LATCH-1nternal)' });
    expect(JSON.stringify(broken)).not.toMatch(/organizations|table|sqlite/i);
    const { errors } = await server.stop();
    const told = errors
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'unexpected error');
    expect(told).toMatchObject([
      {
        method: 'CreateUser',
        requestId: expect.any(String),
        err: { cause: { message: 'database is locked' } },
      },
      {
        method: 'ListOrganizations',
        err: { message: 'no such table: organizations', stack: expect.any(String) },
      },
    ]);
  });

  test('tells why a new certificate was not taken', async () => {
    await using pair = await makeKeyPair();
    await using server = await serveLogged('pipe', ['--tls-cert', pair.certPath, '--tls-key', pair.keyPath]);
    await writeFile(pair.certPath, 'no certificate');
    await server.reload();
    const { errors } = await server.stop();
    const [failed] = errors
      .split('\n')
      .filter((line) => line.includes('tls.reload.failed'))
      .map((line) => JSON.parse(line));
    expect(failed).toMatchObject({ error: { message: expect.stringContaining('PEM') } });
  });
});
