import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KeyPair } from '../support/authority.ts';

/** What came, as it came. */
export interface Received {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly path: string;
}

/** A receiver of webhooks on a socket of loopback. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** All that has come, in order. */
  readonly received: readonly Received[];
  /** How it answers from now on; 204 at first. */
  answer: (res: ServerResponse, received: Received) => void;
  /** Resolves once so many have come that match. Rejects after a while. */
  until(count: number, matches?: (received: Received) => boolean): Promise<void>;
}

const waitMsMax = 60_000;

/** Over TLS where it has a certificate. */
export async function startReceiver(port = 0, host = '127.0.0.1', tls?: KeyPair): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const take = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await text(req);
    const headers = Object.fromEntries(
      Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
    );
    const one = { id: headers['webhook-id'] ?? '', headers, body, path: req.url ?? '' };
    received.push(one);
    receiver.answer(res, one);
    for (const look of waiting) look();
  };
  const answer = (req: IncomingMessage, res: ServerResponse) =>
    void take(req, res).catch(() => res.destroy());
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const receiver: Receiver = {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${address.port}/`,
    port: address.port,
    received,
    answer: (res) => res.writeHead(204).end(),
    until(count, matches = () => true) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (received.filter(matches).length >= count) resolve();
      };
      waiting.add(look);
      const found = () => received.filter(matches).length;
      const timer = setTimeout(() => reject(new Error(`${found()} of ${count} came`)), waitMsMax);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(look);
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** The message in a body. */
export interface Message {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly userId?: string; readonly eventId?: string };
}

export const messageIn = ({ body }: Received): Message => JSON.parse(body) as Message;
