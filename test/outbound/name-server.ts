import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Resolve } from '../../src/outbound/resolve.ts';

/** A server of DNS on a socket that answers IPv4 addresses. */
export interface NameServer extends AsyncDisposable {
  /** Asks it and nothing else. */
  readonly resolve: Resolve;
  /** The addresses that each name has from now on, how late it says so, and how often it was asked. */
  readonly names: Map<string, Name>;
}

export interface Name {
  addresses: readonly string[];
  readonly afterMs?: number;
  asked?: number;
}

export async function startNameServer(): Promise<NameServer> {
  const names = new Map<string, Name>();
  let isOver = false;
  const socket = createSocket('udp4');
  socket.on('message', async (query, { port, address }) => {
    const name = names.get(questionOf(query));
    if (name !== undefined) name.asked = (name.asked ?? 0) + 1;
    if (name?.afterMs !== undefined) await delay(name.afterMs, undefined, { ref: false });
    if (!isOver) socket.send(answerTo(query, name?.addresses ?? []), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 10_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    names,
    resolve: (host) => resolver.resolve4(host),
    async [Symbol.asyncDispose]() {
      isOver = true;
      resolver.cancel();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

const headBytes = 12;

function questionOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = headBytes; query[at] !== 0 && at < query.length; ) {
    const length = query[at] ?? 0;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join('.');
}

/** RFC 1035, section 4.1: the question once more, and a record of type A for each address, to be kept for no time. */
function answerTo(query: Buffer, addresses: readonly string[]): Buffer {
  const end = query.indexOf(0, headBytes) + 5;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(addresses.length > 0 ? 0x81_80 : 0x81_83, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}
