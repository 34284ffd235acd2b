import {
  ExplainUserRequest,
  ExplainUserResponse,
  GetLockRequest,
  GetLockResponse,
  UnlockUserRequest,
  UnlockUserResponse,
} from '../../../../gen/grpc-js/latchkey/v1/lock.ts';
import {
  CreateSessionRequest,
  CreateSessionResponse,
} from '../../../../gen/grpc-js/zitadel/session/v2/session_service.ts';
import type { DemoServer } from '../../../app/demo-server.ts';
import { howMany } from '../../../domain/words/how-many.ts';
import type { CommandContext } from '../../command.ts';
import { readable } from '../../eyes/sentence.ts';
import { CliError } from '../../failure.ts';
import type { Column, Output, TimeShown } from '../../output.ts';
import { type DemoAnswer, type DemoCall, protocols, type Speak } from './wire.ts';

/** One thing that happened. */
interface StepRow {
  readonly protocol: string;
  readonly user: string;
  readonly step: string;
  readonly answer: string;
}

const names = ['Ada', 'Bram', 'Chiara', 'Dmitri'];
// Rows come person by person: the table must not grow wider with them.
const nameLength = Math.max(...names.map(({ length }) => length));
const password = 'correct horse battery staple';

const columns: readonly Column<StepRow>[] = [
  { title: 'PROTOCOL', of: ({ protocol }) => protocol },
  { title: 'WHO', of: ({ user }) => user.padEnd(nameLength) },
  { title: 'WHAT', of: ({ step }) => step },
  { title: 'ANSWER', of: ({ answer }) => answer },
];

/** Plays the lock of each person, one a protocol. @throws CliError where an answer is not as promised */
export async function playDemo({ output }: CommandContext): Promise<void> {
  const { openDemoServer } = await import('../../../app/demo-server.ts');
  await using server = await openDemoServer(names, password);
  await output.note(`A server of its own at ${server.url}; ${server.attempts} wrong passwords lock.`);
  await output.rows(columns, playAll(server, output));
  await output.note('It is stopped, and its database is gone.');
}

async function* playAll(
  server: DemoServer,
  { time }: Pick<Output, 'time'>,
): AsyncGenerator<readonly StepRow[]> {
  for (const [index, [protocol, speak]] of Object.entries(protocols).entries()) {
    const person = server.people[index];
    if (person === undefined) throw new Error('bug: more protocols than people');
    yield await play(server, { protocol, speak, user: person.name, userId: person.userId, time });
  }
}

interface Part {
  readonly protocol: string;
  readonly speak: Speak;
  readonly user: string;
  readonly userId: string;
  readonly time: TimeShown;
}

/** Sign in, fail until locked, ask why, unlock, sign in again. Throws CliError where an answer is not as promised. */
async function play(server: DemoServer, part: Part): Promise<readonly StepRow[]> {
  const { protocol, user, userId, time } = part;
  const rows: StepRow[] = [];
  const step = async (
    what: string,
    call: DemoCall,
    expected: string,
    said?: (answer: DemoAnswer) => string,
  ) => {
    const answer = await part.speak(server, call);
    if (answer.code !== expected) {
      const message = `${protocol}, ${what}: ${answer.code} ${answer.message} in the place of ${expected}`;
      throw new CliError({ code: 'internal', message });
    }
    const text = answer.code === 'OK' ? `OK${said === undefined ? '' : `: ${said(answer)}`}` : answer.message;
    rows.push({ protocol, user, step: what, answer: text });
  };
  const session = ({ response }: DemoAnswer) => `session ${response.sessionId}`;
  await step('sign in', signIn(userId, password), 'OK', session);
  for (let nth = 1; nth <= server.attempts; nth += 1) {
    await step(
      `wrong password ${nth} of ${server.attempts}`,
      signIn(userId, `guess ${nth}`),
      'INVALID_ARGUMENT',
    );
  }
  await step('the right password', signIn(userId, password), 'FAILED_PRECONDITION');
  await step('why?', explain(userId), 'OK', ({ response }) => readable(`${response.summary}`, { time }));
  await step('the lock', getLock(userId), 'OK', ({ response }) => lockText(response.lock));
  const ended = ({ response }: DemoAnswer) => `lock ${response.generation} ended`;
  await step('unlock', unlock(userId), 'OK', ended);
  await step('sign in', signIn(userId, password), 'OK', session);
  return rows;
}

function lockText(lock: unknown): string {
  const { generation, failedSignIns = [] } = parseLock(lock);
  const addresses = [...new Set(failedSignIns.map(({ ip }) => ip))].join(', ');
  return `generation ${generation}, ${howMany(failedSignIns.length, 'failed sign-in')} from ${addresses}`;
}

interface ShownLock {
  readonly generation?: string;
  readonly failedSignIns?: readonly { readonly ip: string }[];
}

function parseLock(lock: unknown): ShownLock {
  return typeof lock === 'object' && lock !== null ? (lock as ShownLock) : {};
}

const lockService = '/latchkey.v1.LockService';

function signIn(userId: string, guess: string): DemoCall {
  return {
    path: '/zitadel.session.v2.SessionService/CreateSession',
    verb: 'POST',
    route: '/v2/sessions',
    message: { checks: { user: { userId }, password: { password: guess } } },
    request: CreateSessionRequest,
    response: CreateSessionResponse,
  };
}

function explain(userId: string): DemoCall {
  return {
    path: `${lockService}/ExplainUser`,
    verb: 'GET',
    route: `/latchkey/v1/users/${userId}/explanation`,
    message: { userId },
    request: ExplainUserRequest,
    response: ExplainUserResponse,
  };
}

function getLock(userId: string): DemoCall {
  return {
    path: `${lockService}/GetLock`,
    verb: 'GET',
    route: `/latchkey/v1/users/${userId}/lock`,
    message: { userId },
    request: GetLockRequest,
    response: GetLockResponse,
  };
}

function unlock(userId: string): DemoCall {
  return {
    path: `${lockService}/UnlockUser`,
    verb: 'POST',
    route: `/latchkey/v1/users/${userId}/unlock`,
    message: { userId, reason: 'demo', ticket: '4711', identification: 'called back' },
    request: UnlockUserRequest,
    response: UnlockUserResponse,
  };
}
