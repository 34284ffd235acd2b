import { once } from 'node:events';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { listen } from '../listen.ts';

/** Where the connection breaks: the statement then never arrives, is carried out unheard, or has been answered. */
export type CutPoint = 'before send' | 'after send' | "before the commit's answer";
export const cutPoints: readonly CutPoint[] = ['before send', 'after send', "before the commit's answer"];

/** Stands between a store and its database, and breaks what a test tells it to. */
export interface PostgresProxy extends AsyncDisposable {
  /** The database's URL, by way of this proxy. */
  readonly url: string;
  /**
   * Cuts the next connection that sends this text; resolves when it has, and the statement is over where it was sent.
   * 'refusing': cuts all others at once and takes no new one from then on, so that nobody tries again elsewhere.
   */
  cutOn(text: string, point: CutPoint, afterwards?: 'refusing'): Promise<void>;
  /** Cuts all and refuses new ones, until told otherwise. */
  setRefusing(refusing: boolean): void;
  /** Lets nothing through and closes nothing, until told otherwise. */
  setSilent(silent: boolean): void;
}

interface Armed {
  readonly text: string;
  readonly point: CutPoint;
  readonly afterwards: 'refusing' | undefined;
  readonly done: () => void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl);
  const wires = new Wires();
  const server = createServer((client) =>
    wires.join(client, () => tcpConnect(Number(target.port), target.hostname)),
  );
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${await listen(server)}`;
  return {
    url: url.href,
    cutOn: (text, point, afterwards) =>
      new Promise((done) => {
        wires.armed = { text, point, afterwards, done };
      }),
    setRefusing: (refusing) => wires.setRefusing(refusing),
    setSilent: (silent) => wires.setSilent(silent),
    async [Symbol.asyncDispose]() {
      wires.setRefusing(true);
      server.close();
      await once(server, 'close');
    },
  };
}

class Wires {
  armed: Armed | undefined;
  readonly #sockets = new Set<Socket>();
  #refusing = false;
  #silent = false;

  join(client: Socket, connectUpstream: () => Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const upstream = connectUpstream();
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.#silent) socket.pause();
    }
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
    upstream.pipe(client);
    client.on('data', (chunk) => {
      const { armed } = this;
      if (armed === undefined || !chunk.includes(armed.text)) {
        upstream.write(chunk);
        return;
      }
      this.armed = undefined;
      if (armed.afterwards === 'refusing') this.#refuseAllBut(client, upstream);
      cut(armed, { client, upstream, chunk });
    });
  }

  setRefusing(refusing: boolean): void {
    if (refusing) this.#refuseAllBut();
    else this.#refusing = false;
  }

  #refuseAllBut(...kept: readonly Socket[]): void {
    this.#refusing = true;
    for (const socket of this.#sockets) if (!kept.includes(socket)) socket.destroy();
  }

  setSilent(silent: boolean): void {
    this.#silent = silent;
    for (const socket of this.#sockets) silent ? socket.pause() : socket.resume();
  }
}

interface Sending {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly chunk: Buffer;
}

function cut({ point, done }: Armed, { client, upstream, chunk }: Sending): void {
  // Deaf from here on: what the database answers is not passed on.
  upstream.unpipe(client);
  upstream.once(point === "before the commit's answer" ? 'data' : 'close', () => {
    client.destroy();
    upstream.end();
    done();
  });
  upstream.resume();
  if (point === 'before send') upstream.destroy();
  else upstream.write(chunk);
  if (point === 'after send') client.destroy();
}
