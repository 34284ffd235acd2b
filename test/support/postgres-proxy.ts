import { once } from 'node:events';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';

/** Where the connection breaks: the statement then never arrives, is carried out unheard, or has been answered. */
export type CutPoint = 'before send' | 'after send' | "before the commit's answer";
export const cutPoints: readonly CutPoint[] = ['before send', 'after send', "before the commit's answer"];

/** Stands between a store and its database, and breaks what a test tells it to. */
export interface PostgresProxy extends AsyncDisposable {
  /** The database's URL, by way of this proxy. */
  readonly url: string;
  /** Cuts the next connection that sends this text; resolves when it has, and the statement is over where it was sent. */
  cutOn(text: string, point: CutPoint): Promise<void>;
  /** Cuts all and refuses new ones, until told otherwise. */
  setRefusing(refusing: boolean): void;
  /** Lets nothing through and closes nothing, until told otherwise. */
  setSilent(silent: boolean): void;
}

interface Armed {
  readonly text: string;
  readonly point: CutPoint;
  readonly done: () => void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let armed: Armed | undefined;
  let refusing = false;
  let silent = false;

  const server = createServer((client) => {
    if (refusing) return client.destroy();
    const upstream = tcpConnect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
      if (silent) socket.pause();
    }
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
    upstream.pipe(client);
    client.on('data', (chunk) => {
      if (armed === undefined || !chunk.includes(armed.text)) {
        upstream.write(chunk);
        return;
      }
      const { point, done } = armed;
      armed = undefined;
      upstream.unpipe(client);
      // Deaf from here on: what the database answers is not passed on.
      upstream.once(point === "before the commit's answer" ? 'data' : 'close', () => {
        client.destroy();
        upstream.end();
        done();
      });
      upstream.resume();
      if (point === 'before send') upstream.destroy();
      else upstream.write(chunk);
      if (point === 'after send') client.destroy();
    });
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${address.port}`;

  return {
    url: url.href,
    cutOn: (text, point) =>
      new Promise((done) => {
        armed = { text, point, done };
      }),
    setRefusing(now) {
      refusing = now;
      if (now) for (const socket of sockets) socket.destroy();
    },
    setSilent(now) {
      silent = now;
      for (const socket of sockets) now ? socket.pause() : socket.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
