import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dialects } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';

let server: TestServer;
let wire: Wire;
let token: string;

beforeAll(async () => {
  server = await startServer();
  wire = openWire(server.url);
  await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
});
afterAll(async () => {
  await wire[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** What is sent in the header, and what is meant by it. */
const reasons = [
  ['100% sure', '100% sure'],
  // As UTF-8: a byte is a character here.
  [Buffer.from('für').toString('latin1'), 'für'],
  ['f%C3%BCr', 'für'],
  ['100%25 sure f%c3%bcr', '100% sure für'],
] as const;

/** In this order on one user, each has something to do. */
const calls = ['LockUser', 'UnlockUser', 'DeactivateUser'] as const;

describe('the reason of a call is kept as it was meant', () => {
  test.each(dialects)('$name', async (dialect) => {
    for (const [sent, meant] of reasons) {
      const userId = await server.people.user({ organization: 'home', state: 'active' });
      for (const method of calls) {
        const headers = { 'latchkey-reason': sent };
        const { code } = await askBare(wire, dialect, { method, message: { userId }, token, headers });
        expect([method, sent, code]).toEqual([method, sent, 'OK']);
        const listed = { afterPosition: 0, limit: 1_000, userId: userId as never };
        const last = (await server.app.store.listEvents(listed)).at(-1);
        expect([method, sent, last?.meta.reason]).toEqual([method, sent, meant]);
      }
    }
  });
});
