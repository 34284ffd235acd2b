import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import type { UserState } from '../../src/domain/user.ts';
import type { Answer } from '../support/answer.ts';
import { dialects } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import type { MethodName } from '../support/methods.ts';
import { pick, seededRandom } from '../support/random.ts';
import type { Wire } from '../support/wire.ts';
import type { Call, CallAnswer, CallKind } from './call.ts';
import type { ServerProcess } from './server-process.ts';

export interface ClientsOptions {
  readonly servers: readonly ServerProcess[];
  readonly token: string;
  readonly organizationId: string;
  readonly userIds: readonly string[];
  readonly clients: number;
  /** Ends them: each after the call that it is in. */
  readonly signal: AbortSignal;
}

/** What the clients did, and answers that no fault excuses. */
export interface Recording {
  readonly calls: readonly Call[];
  readonly unexpected: readonly string[];
}

/** Names as often as they are drawn. */
const kinds: readonly CallKind[] = [
  ...times(6, 'lock'),
  ...times(7, 'unlock'),
  ...times(2, 'deactivate'),
  ...times(3, 'reactivate'),
  ...times(1, 'delete'),
  ...times(2, 'create'),
  ...times(2, 'get'),
];

const methodOf = {
  lock: 'LockUser',
  unlock: 'UnlockUser',
  deactivate: 'DeactivateUser',
  reactivate: 'ReactivateUser',
  delete: 'DeleteUser',
  create: 'CreateUser',
  get: 'GetUserByID',
} as const satisfies Record<CallKind, MethodName>;

const speakers = dialects.filter(({ name }) =>
  ['REST, HTTP/1.1', 'gRPC proto, bare', 'Connect JSON, HTTP/2'].includes(name),
);

const answerTimeoutMs = 15_000;

/** Random calls on random users through whichever server is there, each client one call at a time. */
export async function runClients(options: ClientsOptions): Promise<Recording> {
  const calls: Call[] = [];
  const unexpected: string[] = [];
  const note = (call: Call, problem: string | undefined): void => {
    calls.push(call);
    if (problem !== undefined) unexpected.push(problem);
  };
  await Promise.all(Array.from({ length: options.clients }, (_none, nth) => runClient(nth, options, note)));
  return { calls, unexpected };
}

type Note = (call: Call, problem: string | undefined) => void;

async function runClient(nth: number, options: ClientsOptions, note: Note): Promise<void> {
  const { servers, token, organizationId, userIds, signal } = options;
  const random = seededRandom(nth);
  for (let turn = 0; !signal.aborted; turn += 1) {
    const serving = servers.flatMap((server) => server.wire() ?? []);
    if (serving.length === 0) {
      await delay(20);
      continue;
    }
    const [userId, kind, requestId] = [pick(random, userIds), pick(random, kinds), `${nth}.${turn}`];
    const machine = { organizationId, userId, machine: { name: userId } };
    const message: JsonObject = kind === 'create' ? machine : { userId };
    const headers = { 'x-request-id': requestId };
    const invokedAtMs = performance.now();
    const sent = send(pick(random, serving), pick(random, speakers), {
      method: methodOf[kind],
      message,
      token,
      headers,
    });
    const { answer, problem } = read(kind, await sent);
    const call = { requestId, userId, kind, invokedAtMs, answeredAtMs: performance.now(), answer };
    note(call, problem && `${requestId} ${kind} ${userId}: ${problem}`);
    // A database that is gone answers sooner than it comes back.
    if (answer.outcome === 'unknown') await delay(50 + random() * 200);
  }
}

/** The answer, or why there is none. */
async function send(wire: Wire, ...[dialect, ask]: Speaking): Promise<Answer | Error> {
  const late = new AbortController();
  const timeout = delay(answerTimeoutMs, new Error('no answer in time'), { signal: late.signal });
  try {
    return await Promise.race([askBare(wire, dialect, ask), timeout]);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    late.abort();
    await timeout.catch(() => undefined);
  }
}

type Speaking = Parameters<typeof askBare> extends [Wire, ...infer Rest] ? Rest : never;

/** Codes that say nothing about whether the change was made. */
const unknowing: readonly string[] = ['Unavailable', 'DeadlineExceeded', 'Canceled'];
/** Codes by which the transitions table refuses, or a lost race does. */
const refusing: readonly string[] = ['FailedPrecondition', 'NotFound', 'AlreadyExists', 'Aborted'];

function read(kind: CallKind, sent: Answer | Error): { answer: CallAnswer; problem: string | undefined } {
  if (sent instanceof Error) {
    return { answer: { outcome: 'unknown', why: sent.message }, problem: undefined };
  }
  if (sent.ok) return { answer: okOf(kind, sent), problem: undefined };
  if (refusing.includes(sent.code)) {
    return { answer: { outcome: 'refused', errorId: String(sent.details[0]?.id) }, problem: undefined };
  }
  const problem = unknowing.includes(sent.code) ? undefined : `${sent.code} ${sent.message}`;
  return { answer: { outcome: 'unknown', why: sent.code }, problem };
}

function okOf(kind: CallKind, { response }: Answer): CallAnswer {
  const { details, user } = response as { details?: { sequence?: string }; user?: UserJson };
  if (kind === 'create') return { outcome: 'ok', sequence: undefined, state: undefined };
  const sequence = Number(kind === 'get' ? user?.details.sequence : details?.sequence);
  const state = user?.state.replace('USER_STATE_', '').toLowerCase() as UserState | undefined;
  return { outcome: 'ok', sequence, state };
}

interface UserJson {
  readonly state: string;
  readonly details: { readonly sequence: string };
}

function times(count: number, kind: CallKind): readonly CallKind[] {
  return Array.from({ length: count }, () => kind);
}
