/**
 * What the body of a call without a token costs everybody else: processor time of the server's main thread beyond that of
 * one without a body (of one that is let in: with an empty message), measured in the running server, by method, dialect and kind of body. Time on a processor and not by the clock, so that it holds on a busy machine.
 */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { methods } from '../support/methods.ts';
import { repetitions } from '../support/repetitions.ts';
import { openEmptyDatabase } from '../support/stores.ts';

const resources = new AsyncDisposableStack();
/** Most of a measure is waiting until a server is quiet: each has its share of the paths. */
const serversCount = 3;
let servers: readonly ChildServer[];
const table: { readonly cell: string; readonly cost: number }[] = [];

beforeAll(async () => {
  servers = await Promise.all(
    Array.from({ length: serversCount }, async () => {
      const { database } = resources.use(await openEmptyDatabase('sqlite'));
      // The limit on strangers would refuse what is to be measured.
      const flags = ['--db', database, '--refused-per-second-per-address', '0'];
      return resources.use(standBy(flags)).start();
    }),
  );
});
afterAll(async () => {
  await resources.disposeAsync();
  if (!isLong) return;
  const dear = table.filter(({ cost }) => cost > mostMs);
  const rows = dear.map(({ cell, cost }) => `${cell} | ${cost.toFixed(3)} ms\n`);
  process.stdout.write(`${table.length} cells, ${dear.length} of them beyond ${mostMs} ms\n${rows.join('')}`);
});

const bytes = 1_048_576;
const kibibyte = 1_024;
const filled = (unit: Buffer) => Buffer.alloc(bytes, unit);

const nothing = Buffer.alloc(0);
/** Of no bytes it would be refused, and what is let in would be held against a refusal. */
const emptyJson = Buffer.from('{}');

interface Body {
  readonly json: Buffer;
  readonly proto: Buffer;
  readonly encoding?: 'gzip' | 'br';
  /** What needs no token takes it, and does what it is there for. */
  readonly isTaken?: true;
}

const queries = filled(Buffer.from([0x1a, 0]));
const wide = Buffer.from(`{"queries":[${'{},'.repeat(bytes / 3)}{}]}`);
const random = Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 2_654_435_761) >>> 13));

/** Each as large as a request was ever let in; what is compressed, too. */
const bodies: Readonly<Record<string, Body>> = {
  random: { json: random, proto: random },
  structured: { json: wide, proto: queries },
  'compressed, gzip': { json: gzipSync(wide), proto: gzipSync(queries), encoding: 'gzip' },
  'compressed, Brotli': {
    json: brotliCompressSync(wide),
    proto: brotliCompressSync(queries),
    encoding: 'br',
  },
  deep: { json: filled(Buffer.from('[')), proto: filled(Buffer.from([0x0b])) },
  wide: { json: filled(Buffer.from('"a":1,')), proto: filled(Buffer.from([0x10, 1])) },
  digits: {
    json: Buffer.from(`{"query":{"offset":"${'1'.repeat(bytes)}"}}`),
    proto: filled(Buffer.from([0x08, 0xff])),
  },
  'unknown fields': {
    json: Buffer.from(`{${'"x":0,'.repeat(bytes / 6)}"x":0}`),
    proto: filled(Buffer.from([0x78, 1])),
  },
  'small, unknown fields': {
    json: Buffer.from('{"x":0}'),
    proto: filled(Buffer.from([0x78, 1])).subarray(0, kibibyte),
    isTaken: true,
  },
};

const forms = [
  ['Connect JSON', 1, 'application/json'],
  ['Connect JSON', 2, 'application/json'],
  ['Connect proto', 1, 'application/proto'],
  ['Connect proto', 2, 'application/proto'],
  ['gRPC', 2, 'application/grpc'],
  ['gRPC JSON', 2, 'application/grpc+json'],
  ['gRPC-Web', 1, 'application/grpc-web'],
  ['gRPC-Web', 2, 'application/grpc-web'],
  ['gRPC-Web text', 1, 'application/grpc-web-text'],
  ['gRPC-Web text', 2, 'application/grpc-web-text'],
  ['chunked', 1, 'application/json'],
  ['no such type', 1, 'text/plain'],
  ['no such type', 2, 'text/plain'],
] as const;

const all = Object.values(methods).map(({ desc }) => `${desc.parent.typeName}/${desc.name}`);
const few = ['zitadel.user.v2.UserService/UnlockUser', 'zitadel.user.v2.UserService/ListUsers'];
const isLong = repetitions({ few: 0, many: 1 }) === 1;
/** At any size, by any method; what is beyond it is printed. */
const mostMs = 1;
/** It runs on machines half as quick, beside other suites, too. */
const boundMs = 1.5;
/** Others fill the caches and code warms up meanwhile: so often at most it is measured, and the least counts. */
const roundsMax = 60;
const paths = [
  ...(isLong ? all : few).map((name) => `/${name}`),
  '/v2/users',
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/latchkey.v1.AdminService/FollowEvents',
  '/no.such.Service/Method',
];

/** `npm test` asks one path of each cell, another one each time. */
let rotation = 0;

describe.each(forms)('%s, HTTP/%i', (name, version, contentType) => {
  test.each(Object.keys(bodies))('a body that is %s costs the main thread next to nothing', async (kind) => {
    const { json, proto, encoding, isTaken } = bodies[kind] as Body;
    const isJson = contentType.includes('json') || contentType.startsWith('text');
    const message = isJson ? json : proto;
    const body = framed(contentType, message, encoding !== undefined);
    const headers: Record<string, string> = {
      'content-type': contentType,
      // A Watch that is let in would last.
      'grpc-timeout': '100m',
      ...(encoding && { 'content-encoding': encoding, 'grpc-encoding': encoding }),
      ...(name === 'chunked' && { 'transfer-encoding': 'chunked' }),
    };
    const call = { version, headers, body };
    rotation += 1;
    const asked = isLong ? paths : [paths[rotation % paths.length] as string];
    const measured = async (server: ChildServer, path: string): Promise<void> => {
      // The connection and the call are paid for with an empty body too.
      const empty = isTaken ? framed(contentType, isJson ? emptyJson : nothing, false) : nothing;
      const url = `${server.url}${path}`;
      const cost = await costBeyond(server, {
        free: () => send(url, { ...call, body: empty }),
        measured: () => send(url, call),
      });
      if (cost === undefined) return console.warn('skipped: this system does not tell the time of a thread');
      table.push({ cell: `${path} | ${name}, HTTP/${version} | ${kind}`, cost });
      if (cost > boundMs) expect({ path, kind, cost }).toEqual({ path, kind, cost: `at most ${boundMs} ms` });
    };
    const measuredAt = async (server: ChildServer, which: number): Promise<void> => {
      for (const [nth, path] of asked.entries()) {
        if (nth % serversCount === which) await measured(server, path);
      }
    };
    await Promise.all(servers.map(measuredAt));
  });
});

function framed(contentType: string, message: Buffer, isCompressed: boolean): Buffer {
  if (!contentType.startsWith('application/grpc')) return message;
  const head = Buffer.alloc(5);
  head[0] = isCompressed ? 1 : 0;
  head.writeUInt32BE(message.length, 1);
  const envelope = Buffer.concat([head, message]);
  return contentType.includes('-text') ? Buffer.from(envelope.toString('base64')) : envelope;
}

/**
 * Of a few measurements the least of each: the others had a collection of garbage in them, or code that was not warm yet. In
 * turns, since a machine that others slow down for some seconds would be told as the cost of whichever came then.
 */
async function costBeyond(
  server: ChildServer,
  { free, measured }: { readonly free: () => Promise<void>; readonly measured: () => Promise<void> },
): Promise<number | undefined> {
  let leastFree = Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let before = await whenQuiet(server);
  for (let round = 0; round < roundsMax && (round < 3 || least - leastFree > mostMs); round += 1) {
    await free();
    const between = await whenQuiet(server);
    await measured();
    const after = await whenQuiet(server);
    if (before === undefined || between === undefined || after === undefined) return undefined;
    leastFree = Math.min(leastFree, between - before);
    least = Math.min(least, after - between);
    before = after;
  }
  return least - leastFree;
}

/** What was still to be done belongs to the call that has ended, not to the next one: the server has nothing to do by now. */
async function whenQuiet(server: ChildServer): Promise<number | undefined> {
  let atMs = server.mainThreadMs();
  for (let looks = 0; looks < 20; looks += 1) {
    await delay(1);
    const nowMs = server.mainThreadMs();
    if (atMs === undefined || nowMs === undefined) return undefined;
    if (nowMs - atMs < 0.05) return nowMs;
    atMs = nowMs;
  }
  return atMs;
}

interface Sent {
  readonly version: 1 | 2;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Resolves once the connection is gone: whatever the server does with the rest of the body is in the measure. */
async function send(url: string, { version, headers, body }: Sent): Promise<void> {
  if (version === 2) await sendHttp2(url, headers, body);
  else await sendHttp1(url, headers, body);
}

async function sendHttp1(url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
  const length = headers['transfer-encoding'] === undefined ? { 'content-length': body.length } : {};
  const req = http.request(url, {
    method: 'POST',
    agent: false,
    headers: { ...headers, ...length },
  });
  const closed = once(req, 'close').catch(() => undefined);
  req.on('error', () => undefined);
  req.on('response', (res) => res.on('error', () => undefined).resume());
  req.end(body);
  await closed;
}

async function sendHttp2(url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
  const session = http2.connect(url).on('error', () => undefined);
  const closed = once(session, 'close');
  const stream = session.request(
    { ':method': 'POST', ':path': new URL(url).pathname, ...headers },
    { endStream: false },
  );
  stream.on('error', () => undefined).on('close', () => session.destroy());
  stream.resume();
  stream.end(body);
  await closed;
}
