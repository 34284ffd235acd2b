import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { parseLines } from '../cli/run-cli.ts';
import { type LoggedServer, serveLogged } from '../support/logged-server.ts';

const atInfo = ['--log-level', 'info'];
const nobody = { userId: 'nobody' };

describe('whoever does not read the log', () => {
  const calls = 2_000;
  const together = 200;

  async function callOften({ door }: LoggedServer): Promise<void> {
    const headers = { 'x-request-id': 'r'.repeat(128) };
    for (let called = 0; called < calls; called += together) {
      const answers = await Promise.all(
        Array.from({ length: together }, () => door.ask('UnlockUser', nobody, undefined, headers)),
      );
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['NotFound']));
    }
  }

  test('stops nothing: calls go on, what is dropped is counted and told, SIGTERM drains', async () => {
    await using server = await serveLogged('pipe');
    server.stopReading();
    await callOften(server);
    server.readOn();
    await server.logged('log lines dropped');
    expect(await server.door.ask('UnlockUser', nobody)).toMatchObject({ code: 'NotFound' });
    const { code, errors } = await server.stop();
    expect(code).toBe(0);
    const lines = parseLines(errors);
    const dropped = lines.filter(({ msg }) => msg === 'log lines dropped');
    expect(dropped[0]).toMatchObject({ level: 'warn', linesDropped: expect.any(Number) });
    const told = lines.filter(
      ({ msg, requestId }) => msg === 'call refused' && String(requestId).startsWith('rrr'),
    );
    const droppedInAll = dropped.reduce((sum, { linesDropped }) => sum + Number(linesDropped), 0);
    expect(droppedInAll).toBeGreaterThan(0);
    expect(told.length + droppedInAll).toBeGreaterThanOrEqual(calls);
  }, 60_000);

  test('for ever keeps no process from its end', async () => {
    await using server = await serveLogged('pipe');
    server.stopReading();
    await callOften(server);
    const startedMs = performance.now();
    server.signal('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  }, 60_000);

  test('but hangs up ends no process', async () => {
    await using server = await serveLogged('pipe');
    server.hangUpLog();
    for (let call = 0; call < 50; call += 1) {
      expect((await server.door.ask('UnlockUser', nobody)).code).toBe('NotFound');
    }
    server.signal('SIGTERM');
    expect(await server.ended).toBe(0);
  });
});

test('a failure that every call meets is told whole once, and then counted', async () => {
  await using server = await serveLogged('pipe', atInfo);
  const { door } = server;
  using other = new DatabaseSync(server.database);
  other.exec('ALTER TABLE organizations RENAME TO elsewhere');
  for (let call = 0; call < 50; call += 1) {
    expect(await door.ask('ListOrganizations', {})).toMatchObject({ code: 'Internal' });
  }
  other.exec('ALTER TABLE elsewhere RENAME TO organizations');
  expect(await door.ask('ListOrganizations', {})).toMatchObject({ ok: true });
  const { errors } = await server.stop();
  const told = parseLines(errors).filter(({ level }) => level === 'error');
  expect(told).toMatchObject([
    { msg: 'unexpected error', err: { stack: expect.any(String) } },
    { msg: 'unexpected error, again', times: 49, failure: expect.stringContaining('organizations') },
  ]);
  expect(errors.match(/ at .*\.ts/g)?.length).toBeLessThan(30);
}, 30_000);
