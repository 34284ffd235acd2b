import { setTimeout as delay } from 'node:timers/promises';
import {
  type OpenStream,
  openStream,
  type StreamForm,
  streamForms,
} from '../server/clients/stream-client.ts';
import type { createPeople } from '../support/people.ts';
import { openWire } from '../support/wire.ts';
import type { RunningProxy } from './proxy.ts';

/** A proxy, and what stands behind it. */
export interface QuietBench {
  readonly proxy: RunningProxy;
  readonly token: string;
  readonly people: ReturnType<typeof createPeople>;
  readonly history: (userId: string) => Promise<unknown>;
}

/** As gRPC needs HTTP/2 to be whole, it is asked over that alone. */
const forms = streamForms.filter(({ http, contentType }) => http === 2 || !/grpc($|\+)/.test(contentType));

/** A stream that is followed through the quiet. */
interface Follower {
  readonly call: string;
  readonly path: string;
  readonly message: (form: StreamForm) => Buffer;
  /** It tells of a lock. */
  readonly tells: boolean;
  /** Milliseconds from one sign of life to the next; 0: it says nothing. */
  readonly heartbeatMs: number;
}

const isJson = ({ contentType }: StreamForm): boolean => contentType.endsWith('json');
const empty = (form: StreamForm): Buffer => Buffer.from(isJson(form) ? '{}' : '');

/** `after_position`, of which the server has seen fewer. */
function after(position: number, form: StreamForm): Buffer {
  if (isJson(form)) return Buffer.from(JSON.stringify({ afterPosition: String(position) }));
  const bytes = [0x08];
  let rest = position;
  for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** One that says nothing at all, one that says that it lives, and one without a token. */
const followers = (newest: number): readonly Follower[] => [
  {
    call: 'FollowEvents',
    path: '/latchkey.v1.AdminService/FollowEvents',
    message: (form) => after(newest, form),
    tells: true,
    heartbeatMs: 0,
  },
  {
    call: 'FollowLocks',
    path: '/latchkey.v1.LockService/FollowLocks',
    message: empty,
    tells: true,
    heartbeatMs: 15_000,
  },
  { call: 'Watch', path: '/grpc.health.v1.Health/Watch', message: empty, tells: false, heartbeatMs: 0 },
];

interface Opened extends Follower {
  readonly name: string;
  readonly http: 1 | 2;
  readonly stream: OpenStream;
}

const inTimeMs = 30_000;

/** Streams in every form, side by side, that nothing happens on; then one lock, which every follower must see, and once. */
export async function quietStreams(
  { proxy, token, people, history }: QuietBench,
  quietMs: number,
): Promise<readonly string[]> {
  const userId = await people.user({ organization: 'acme', kind: 'machine' });
  await history(userId);
  const headers = { authorization: `Bearer ${token}` };
  const opened = followers(await newestPosition(proxy, token)).flatMap((follower) =>
    forms.map((form): Opened => {
      const { call, path, tells, message } = follower;
      const name = `${call}, ${form.contentType}, HTTP/${form.http}`;
      const request = { path, message: message(form), ...(tells && { headers }) };
      return { ...follower, name, http: form.http, stream: openStream(proxy.url, form, request) };
    }),
  );
  const problems: string[] = [];
  const ended = new Set<string>();
  for (const { name, stream } of opened) {
    stream.end.then(
      (end) => ended.add(`${name}: ended with ${end}`),
      (error: unknown) => ended.add(`${name}: ${error}`),
    );
  }
  await Promise.all(opened.map(async (one) => problems.push(...(await headProblems(one, proxy)))));
  await delay(quietMs);
  problems.push(...ended);
  const beats = await Promise.all(opened.map((one) => beatProblems(one, quietMs)));
  await people.act(userId, 'lock');
  const told = await Promise.all(opened.filter(({ tells }) => tells).map((one) => newsProblems(one, userId)));
  for (const { stream } of opened) stream.close();
  return [...problems, ...beats.flat(), ...told.flat()];
}

const late = <Value>(found: Promise<Value>): Promise<Value | 'late'> =>
  Promise.race([found, delay(inTimeMs, 'late' as const, { ref: false })]);

/** Headers come at once, or with the first message where the proxy keeps them back. */
async function headProblems(
  { name, http, stream, heartbeatMs }: Opened,
  { kind }: RunningProxy,
): Promise<readonly string[]> {
  if (name.startsWith('FollowEvents') && heartbeatMs === 0 && kind.keepsHeadsBack(http)) return [];
  const head = await late(stream.head).catch(String);
  return typeof head === 'string' ? [`${name}: no headers, ${head}`] : [];
}

/** One at the beginning, and as many as fit into the quiet, but for one that may be under way. */
async function beatProblems(
  { name, stream, heartbeatMs }: Opened,
  quietMs: number,
): Promise<readonly string[]> {
  if (heartbeatMs === 0) return [];
  const wanted = Math.max(1, Math.floor(quietMs / heartbeatMs));
  const found = await late(stream.messages(wanted));
  return found === 'late' ? [`${name}: fewer than ${wanted} signs of life`] : [];
}

async function newsProblems({ name, stream }: Opened, userId: string): Promise<readonly string[]> {
  const telling = async (): Promise<number> => {
    for (let wanted = 1; ; ) {
      const messages = await stream.messages(wanted);
      const count = messages.filter((bytes) => bytes.includes(userId)).length;
      if (count > 0) return count;
      wanted = messages.length + 1;
    }
  };
  const count = await late(telling());
  if (count === 1) return [];
  return [count === 'late' ? `${name}: the lock did not come` : `${name}: the lock came ${count} times`];
}

const pageMax = 1_000;

async function newestPosition(proxy: RunningProxy, token: string): Promise<number> {
  await using wire = openWire(proxy.url);
  const headers = { authorization: `Bearer ${token}` };
  for (let newest = 0; ; ) {
    const path = `/latchkey/v1/events?after_position=${newest}&limit=${pageMax}`;
    const { body } = await wire.send({ version: 1, verb: 'GET', path, headers, body: new Uint8Array() });
    const { events = [] } = JSON.parse(body.toString()) as { events?: { position: string }[] };
    newest = Number(events.at(-1)?.position ?? newest);
    if (events.length < pageMax) return newest;
  }
}
