import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../../support/start-server.ts';
import { http1Requirements } from './http1.ts';
import { http2Requirements } from './http2.ts';
import { http2ConnectionRequirements } from './http2-connection.ts';
import { exchangeHttp1, exchangeHttp2, type RawAnswer, type RawStream, type Received } from './raw.ts';
import type { Requirement } from './requirement.ts';
import { semanticsRequirements } from './semantics.ts';

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await server.people.user({ organization: 'acme', userId: 'ada' });
  // Enough of them for a list to be worth compressing.
  for (let nth = 0; nth < 12; nth += 1) await server.people.user({ organization: 'acme' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const fill = (text: string): string => text.replaceAll('{token}', token).replaceAll('{user}', 'ada');

function exchange({ sent, comes }: Requirement): Promise<Received> {
  if (typeof sent !== 'string') {
    const pairs = (from: RawStream['fields']) => from.map(([name, value]) => [name, fill(value)] as const);
    const trailers = sent.trailers === undefined ? {} : { trailers: pairs(sent.trailers) };
    return exchangeHttp2(
      server.port,
      { ...sent, fields: pairs(sent.fields), ...trailers },
      { settled: comes.status?.length ?? 1 },
    );
  }
  const verbs = [...sent.matchAll(/^([A-Z-]+) \S+ HTTP\/1/gm)].map(([, verb = '']) => verb);
  // Where no close is due, the connection is quiet once all answers are here.
  const settled =
    comes.closes === true
      ? Number.POSITIVE_INFINITY
      : (comes.status?.filter((one) => one >= 200).length ?? 1);
  return exchangeHttp1(server.port, fill(sent).replaceAll(/(?<!\r)\n/g, '\r\n'), { verbs, settled });
}

const fieldOf = (answer: RawAnswer | undefined, wanted: string): string | undefined =>
  answer?.fields.find(([name]) => name.toLowerCase() === wanted)?.[1];

/** What every answer must hold to, whatever was asked. */
function faultsOf(answer: RawAnswer, isHttp2: boolean): readonly string[] {
  const { status, fields } = answer;
  const faults: string[] = [];
  const names = fields.map(([name]) => name);
  const date = fieldOf(answer, 'date');
  if (Number.isNaN(status)) faults.push('RFC 9112 §4: no status line');
  if (status >= 200 && status < 500 && !imfDate.test(date ?? '')) faults.push('RFC 9110 §6.6.1: no date');
  const isBodiless = status < 200 || status === 204;
  if (isBodiless && (fieldOf(answer, 'content-length') ?? fieldOf(answer, 'transfer-encoding')) !== undefined)
    faults.push('RFC 9110 §8.6: a length without content');
  if (status === 401 && fieldOf(answer, 'www-authenticate') === undefined)
    faults.push('RFC 9110 §11.6.1: no challenge');
  if (status === 405 && fieldOf(answer, 'allow') === undefined) faults.push('RFC 9110 §15.5.6: no Allow');
  if (!isHttp2) return faults;
  if (names.some((name) => name !== name.toLowerCase()))
    faults.push('RFC 9113 §8.2.1: a name not in lower case');
  if (names.some((name) => ofConnection.has(name))) faults.push('RFC 9113 §8.2.2: a field of the connection');
  if (names.filter((name) => name.startsWith(':')).join() !== ':status' || names[0] !== ':status')
    faults.push('RFC 9113 §8.3.2: not one :status, first');
  return faults;
}

const ofConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
// RFC 9110 §5.6.7.
const imfDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

describe.each([
  ['HTTP/1.1', http1Requirements],
  ['HTTP', semanticsRequirements],
  ['HTTP/2', http2Requirements],
  ['HTTP/2, the connection', http2ConnectionRequirements],
] as const)('%s', (_name, requirements) => {
  test.concurrent.each(
    requirements.map((one) => [one.section, one.must, one] as const),
  )('%s: %s', async (_section, _must, requirement) => {
    const { comes, sent } = requirement;
    const { answers, closed, reset, goaway, frames = [] } = await exchange(requirement);
    const last = answers.at(-1);
    const isHttp2 = typeof sent !== 'string';
    expect(answers.flatMap((answer) => faultsOf(answer, isHttp2))).toEqual([]);
    if (comes.status !== undefined) expect(answers.map(({ status }) => status)).toEqual(comes.status);
    if (comes.closes !== undefined) expect(closed).toBe(comes.closes);
    const ends = [comes, comes.either ?? comes].map((end) => ({ reset: end.reset, goaway: end.goaway }));
    if (isHttp2) expect(ends).toContainEqual({ reset, goaway });
    if (comes.frame !== undefined) expect(frames).toContainEqual(expect.stringMatching(comes.frame));
    if (comes.noFrame !== undefined) expect(frames).not.toContainEqual(expect.stringMatching(comes.noFrame));
    for (const [name, wanted] of Object.entries(comes.fields ?? {})) {
      if (wanted === undefined) expect(fieldOf(last, name)).toBeUndefined();
      else expect(fieldOf(last, name)).toMatch(wanted);
    }
    if (comes.body !== undefined) expect(last?.body.toString()).toMatch(comes.body);
  });
});

describe('a client that waits for 100 is asked for its body, and answered for good', () => {
  const path = '/v2/users/ada/unlock';

  test('HTTP/1.1', async () => {
    const headers = { authorization: `Bearer ${token}`, expect: '100-continue', 'content-length': 2 };
    const req = http.request(`${server.url}${path}`, { method: 'POST', headers, agent: false });
    req.flushHeaders();
    await once(req, 'continue');
    const [res] = await once(req.end('{}'), 'response');
    expect([res.statusCode, await text(res)]).toEqual([400, expect.stringContaining('COMMAND-olb9vb0oca')]);
  });

  test('HTTP/2', async () => {
    const session = http2.connect(server.url);
    const headers = { authorization: `Bearer ${token}`, expect: '100-continue' };
    const stream = session.request({ ...headers, ':method': 'POST', ':path': path }, { endStream: false });
    await once(stream, 'continue');
    const [head] = await once(stream.end('{}'), 'response');
    expect([head[':status'], await text(stream)]).toEqual([
      400,
      expect.stringContaining('COMMAND-olb9vb0oca'),
    ]);
    session.close();
  });
});

test('gRPC over HTTP/1.0, which cannot tell how a call ended, is refused before the call does anything', async () => {
  await server.people.user({ organization: 'acme', userId: 'locked', state: 'locked' });
  const proto = Buffer.from([0, 0, 0, 0, 8, 0x0a, 6, ...Buffer.from('locked')]).toString('latin1');
  for (const type of ['application/grpc', 'application/grpc+proto', 'Application/gRPC']) {
    const sent =
      `POST /zitadel.user.v2.UserService/UnlockUser HTTP/1.0\r\nauthorization: Bearer ${token}\r\n` +
      `content-type: ${type}\r\ncontent-length: ${proto.length}\r\n\r\n${proto}`;
    const { answers, closed } = await exchangeHttp1(server.port, sent, { verbs: ['POST'], settled: 9 });
    expect([answers.map(({ status }) => status), closed]).toEqual([[200], true]);
    expect(fieldOf(answers[0], 'grpc-status')).toBe('12');
    expect(fieldOf(answers[0], 'grpc-message')).toContain('HTTP/1.0');
  }
  const user = await fetch(`${server.url}/v2/users/locked`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(await user.text()).toContain('USER_STATE_LOCKED');
});
