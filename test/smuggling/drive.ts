import net from 'node:net';
import tls from 'node:tls';
import type { Attack } from './attacks.ts';

/** Where to send an attack: the server itself, or a proxy before it. */
export interface Target {
  readonly url: string;
  readonly token: string;
  /** Makes a user whom nobody else touches. */
  readonly user: () => Promise<string>;
  /** Whether somebody has locked the user. */
  readonly isLocked: (userId: string) => Promise<boolean>;
}

/** What became of the hidden request. */
export interface Outcome {
  /** The server carried it out. */
  readonly isDone: boolean;
  /** Who sent it was answered to it, by its id. */
  readonly isAnswered: boolean;
  /** The status of the first answer; undefined: there was none. */
  readonly status: number | undefined;
  /** Of others who asked right after it: whose answer was not their own. */
  readonly mixedUp: readonly string[];
}

/** How long one waits for more of an answer, and for all of it. */
interface Patience {
  readonly quietMs: number;
  readonly waitMsMax: number;
}

const victims = 3;
const hasty: Patience = { quietMs: 150, waitMsMax: 1_500 };
const patient: Patience = { quietMs: 3_000, waitMsMax: 20_000 };
let count = 0;

/**
 * Sends it on a connection of its own, then asks as others would. What may only have come late, on a busy machine, is
 * waited for in a second try; an answer that is somebody else's counts in the first.
 */
export async function carryOut(attack: Attack, target: Target): Promise<Outcome> {
  const { isLate, ...outcome } = await carriedOut(attack, target, hasty);
  if (!isLate) return outcome;
  const { isLate: _, ...second } = await carriedOut(attack, target, patient);
  return second;
}

async function carriedOut(
  attack: Attack,
  target: Target,
  patience: Patience,
): Promise<Outcome & { readonly isLate: boolean }> {
  count += 1;
  const [userId, hiddenId] = [await target.user(), `hidden-${count}`];
  const hidden = requestOf(target, {
    path: `/v2/users/${userId}/lock`,
    id: hiddenId,
    fields: 'Content-Length: 2\r\n',
    rest: '{}',
  });
  const { start, ...outer } = attack.make(hidden);
  const sent = requestOf(target, { path: '/v2/users/nobody/lock', id: `outer-${count}`, ...outer, start });
  const said = await talk(target.url, sent, patience);
  const mixedUp: string[] = [];
  let silent = 0;
  for (let nth = 0; nth < victims; nth += 1) {
    const id = `victim-${count}-${nth}`;
    const get = `GET /v2/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.token}\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`;
    const answer = await talk(target.url, get, patience);
    if (answer === '') silent += 1;
    if (idsIn(answer).join() !== id) mixedUp.push(`${id}: ${answer.slice(0, 120)}`);
  }
  const isDone = await target.isLocked(userId);
  const isAnswered = idsIn(said).includes(hiddenId);
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(said) ?? [];
  return {
    isDone,
    isAnswered,
    isLate: silent === mixedUp.length && (silent > 0 || (isDone && !isAnswered)),
    status: status === undefined ? undefined : Number(status),
    mixedUp,
  };
}

const idsIn = (text: string): readonly (string | undefined)[] =>
  [...text.matchAll(/^x-request-id: (\S+)\r$/gim)].map(([, id]) => id);

interface Outer {
  readonly path: string;
  readonly id: string;
  readonly fields: string;
  readonly rest: string;
  /** The version, and what comes right after it. */
  readonly start?: string | undefined;
}

function requestOf({ token }: Target, { path, id, fields, rest, start = 'HTTP/1.1' }: Outer): string {
  const own = `Host: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nX-Request-Id: ${id}\r\n`;
  return `POST ${path} ${start}\r\n${own}${fields}\r\n${rest}`;
}

/** All that comes until the other end closes, or says nothing more for a moment. */
function talk(url: string, sent: string, { quietMs, waitMsMax }: Patience): Promise<string> {
  const { hostname: host, port, protocol } = new URL(url);
  const to = { host, port: Number(port) };
  return new Promise((resolve) => {
    const socket =
      protocol === 'https:'
        ? tls.connect({ ...to, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : net.connect(to);
    let text = '';
    const finish = (): void => {
      clearTimeout(late);
      clearTimeout(quiet);
      socket.destroy();
      resolve(text);
    };
    const late = setTimeout(finish, waitMsMax);
    let quiet: NodeJS.Timeout | undefined;
    socket.on('error', finish);
    socket.on('close', finish);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      clearTimeout(quiet);
      quiet = setTimeout(finish, quietMs);
    });
    socket.write(Buffer.from(sent, 'latin1'));
  });
}
