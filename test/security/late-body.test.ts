/** Whoever loses what they may while their body is still on its way is refused, in every dialect, whatever they lost. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = resources.use(await startServer());
  await server.people.organization('home');
  const owner = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(server.url, owner));
});
afterAll(() => resources.disposeAsync());

const rpc = '/zitadel.user.v2.UserService/UnlockUser';
const protoOf = (userId: string) =>
  Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(userId)]), Buffer.from(userId)]);
const jsonOf = (userId: string) => Buffer.from(JSON.stringify({ userId }));
const framed = (message: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};
const inBase64 = (body: Buffer) => Buffer.from(body.toString('base64'));

interface Form {
  readonly path: (userId: string) => string;
  readonly body: (userId: string) => Buffer;
}
const toMethod = (body: Form['body']): Form => ({ path: () => rpc, body });

const forms: Readonly<Record<string, Form & { readonly contentType: string; readonly versions: number[] }>> =
  {
    REST: {
      contentType: 'application/json',
      versions: [1, 2],
      path: (userId) => `/v2/users/${userId}/unlock`,
      body: () => Buffer.from('{     }'),
    },
    'Connect JSON': { contentType: 'application/json', versions: [1, 2], ...toMethod(jsonOf) },
    'Connect proto': { contentType: 'application/proto', versions: [1, 2], ...toMethod(protoOf) },
    gRPC: { contentType: 'application/grpc', versions: [2], ...toMethod((id) => framed(protoOf(id))) },
    'gRPC JSON': {
      contentType: 'application/grpc+json',
      versions: [2],
      ...toMethod((id) => framed(jsonOf(id))),
    },
    'gRPC-Web': {
      contentType: 'application/grpc-web',
      versions: [1, 2],
      ...toMethod((id) => framed(protoOf(id))),
    },
    'gRPC-Web text': {
      contentType: 'application/grpc-web-text',
      versions: [1, 2],
      ...toMethod((id) => inBase64(framed(protoOf(id)))),
    },
  };
const cells = Object.keys(forms).flatMap((name) =>
  (forms[name]?.versions ?? []).map((version) => [name, version] as const),
);

interface Known {
  readonly callerId: string;
  readonly tokenId: string;
}

const role = { role: 'ORG_USER_MANAGER', organizationId: 'home' };

/** What becomes of the caller meanwhile, and what they are answered. */
const losses: Readonly<Record<string, readonly [(known: Known) => Promise<unknown>, RegExp]>> = {
  'is locked': [({ callerId }) => server.people.act(callerId, 'lock'), /^(401|16)$/],
  'is deactivated': [({ callerId }) => server.people.act(callerId, 'deactivate'), /^(401|16)$/],
  'is deleted': [({ callerId }) => server.people.act(callerId, 'delete'), /^(401|16)$/],
  'is locked and unlocked again': [
    async ({ callerId }) => {
      await server.people.act(callerId, 'lock');
      await server.people.act(callerId, 'unlock');
    },
    /^(401|16)$/,
  ],
  'loses the token': [
    ({ callerId: userId, tokenId }) => ok('RemovePersonalAccessToken', { userId, tokenId }),
    /^(401|16)$/,
  ],
  'loses the role': [({ callerId: userId }) => ok('RemoveGrant', { userId, ...role }), /^(403|404|5|7)$/],
};

async function ok(method: 'RemovePersonalAccessToken' | 'RemoveGrant', message: Record<string, string>) {
  expect(await door.ask(method, message)).toMatchObject({ code: 'OK' });
}

describe.each(Object.keys(losses))('a caller who %s', (loss) => {
  test.each(cells)('%s, HTTP/%i', async (name, version) => {
    const { contentType, path, body } = forms[name] as (typeof forms)[string];
    const [lose, answer] = losses[loss] as (typeof losses)[string];
    const { people } = server;
    const callerId = await people.user({ organization: 'home', kind: 'machine' });
    await people.grant(callerId, { role: role.role, organization: role.organizationId });
    const token = await people.token(callerId);
    const [tokenId = ''] = token.split('.');
    const userId = await people.user({ organization: 'home', state: 'locked' });
    const headers = { 'content-type': contentType, authorization: `Bearer ${token}`, te: 'trailers' };
    const call = (version === 1 ? callHttp1 : callHttp2)(path(userId), headers, body(userId));
    await untilAuthenticated(version);
    await lose({ callerId, tokenId });
    expect(await call.end()).toMatch(answer);
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_LOCKED' });
  });
});

interface Begun {
  /** Sends the rest; resolves with the status of gRPC, or of HTTP. */
  end(): Promise<string>;
}

// What was sent before on other connections is looked at by the time that a few of these are answered.
async function untilAuthenticated(version: number): Promise<void> {
  for (let nth = 0; nth < 5; nth += 1) {
    if (version === 1) await fetch(`${server.url}/v2/users/me`);
    else expect((await door.ask('GetCaller', {})).code).toBe('OK');
  }
}

function callHttp1(path: string, headers: Record<string, string>, body: Buffer): Begun {
  const half = Math.floor(body.length / 2);
  const req = http.request(`${server.url}${path}`, {
    method: 'POST',
    agent: false,
    headers: { ...headers, connection: 'close, te', 'content-length': body.length },
  });
  req.write(body.subarray(0, half));
  return {
    async end() {
      const answered = once(req, 'response') as Promise<[http.IncomingMessage]>;
      req.end(body.subarray(half));
      const [res] = await answered;
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk as Buffer);
      return statusOf(res.statusCode, { ...res.headers, ...res.trailers }, Buffer.concat(chunks));
    },
  };
}

function callHttp2(path: string, headers: Record<string, string>, body: Buffer): Begun {
  const half = Math.floor(body.length / 2);
  const session = http2.connect(server.url);
  const stream = session.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
  stream.write(body.subarray(0, half));
  return {
    async end() {
      const found: http2.IncomingHttpHeaders = {};
      stream.on('response', (head) => Object.assign(found, head));
      stream.on('trailers', (trailers) => Object.assign(found, trailers));
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.end(body.subarray(half));
      await once(stream, 'close');
      session.close();
      return statusOf(Number(found[':status']), found, Buffer.concat(chunks));
    },
  };
}

function statusOf(status: number | undefined, headers: http2.IncomingHttpHeaders, body: Buffer): string {
  const text = body.toString('latin1');
  const decoded = Buffer.from(text, 'base64').toString('latin1');
  const inBody = /grpc-status: (\d+)/.exec(text)?.[1] ?? /grpc-status: (\d+)/.exec(decoded)?.[1];
  return String(headers['grpc-status'] ?? inBody ?? status);
}
