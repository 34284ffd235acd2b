import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { answerBytesMax } from '../../src/outbound/agent.ts';
import { parseAllowed } from '../../src/outbound/allowed.ts';
import { createOutbound, type Way } from '../../src/outbound/outbound.ts';
import { isRefused } from '../../src/outbound/ranges.ts';
import { type NameServer, startNameServer } from './name-server.ts';

/** Listens on every address of this machine, of both families. */
let server: Server;
let names: NameServer;
let port: number;
let connections: number;
let answer: (res: ServerResponse) => void;

beforeAll(async () => {
  names = await startNameServer();
  server = createServer((_, res) => answer(res));
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '::');
  await once(server, 'listening');
  port = (server.address() as { port: number }).port;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await names[Symbol.asyncDispose]();
});
beforeEach(() => {
  connections = 0;
  answer = (res) => res.end('hello');
});

interface Ways {
  readonly allow?: readonly string[];
  readonly configured?: readonly string[];
}

const wayTo = ({ allow = [], configured = [] }: Ways = {}): Way =>
  createOutbound(parseAllowed(allow)).wayTo(configured);
const namedWay = (allow: readonly string[] = []): Way => createOutbound(parseAllowed(allow), names).wayTo([]);
const get = (way: Way, url: string, timeoutMs = 10_000, owner = '') =>
  way.send({ url, method: 'GET', headers: {}, timeoutMs, owner });

describe('whatever form it is written in, an address that is not public is not connected to', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['loopback beyond the first', '127.255.255.254'],
    ['decimal', '2130706433'],
    ['octal', '0177.0.0.1'],
    ['octal in one', '017700000001'],
    ['hex', '0x7f.0.0.1'],
    ['hex in one', '0x7f000001'],
    ['two parts', '127.1'],
    ['three parts', '127.0.1'],
    ['digits of another script', '①②⑦.⓪.⓪.①'],
    ['dots of another script', '127。0。0。1'],
    ['percent-encoded', '%31%32%37.0.0.1'],
    ['with the dot of the root', '127.0.0.1.'],
    ['this machine by name', 'localhost'],
    ['its name in other letters', 'LocalHost'],
    ['nothing', '0.0.0.0'],
    ['nothing in one digit', '0'],
    ['metadata', '169.254.169.254'],
    ['metadata in decimal', '2852039166'],
    ['metadata of Azure', '168.63.129.16'],
    ['metadata of Alibaba', '100.100.100.200'],
    ['metadata of Oracle', '192.0.0.192'],
    ['private', '10.0.0.1'],
    ['private of the second kind', '172.16.0.1'],
    ['private of the third', '192.168.0.1'],
    ['of a carrier', '100.64.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 loopback', '[::1]'],
    ['IPv6 nothing', '[::]'],
    ['IPv6-mapped', '[::ffff:127.0.0.1]'],
    ['IPv6-mapped in hex', '[::ffff:7f00:1]'],
    ['IPv6-mapped at length', '[0:0:0:0:0:ffff:7f00:0001]'],
    ['IPv6-mapped, and public', '[::ffff:8.8.8.8]'],
    ['IPv4-compatible', '[::127.0.0.1]'],
    ['NAT64', '[64:ff9b::7f00:1]'],
    ['NAT64 of a network of its own', '[64:ff9b:1::7f00:1]'],
    ['6to4', '[2002:7f00:1::]'],
    ['Teredo', '[2001:0:7f00:1::]'],
    ['unique local', '[fd00::1]'],
    ['metadata over IPv6', '[fd00:ec2::254]'],
    ['link-local', '[fe80::1]'],
    ['site-local', '[fec0::1]'],
    ['IPv6 multicast', '[ff02::1]'],
  ])('%s: %s', async (_, host) => {
    for (const scheme of ['http', 'https']) {
      const failure = await get(wayTo(), `${scheme}://${host}:${port}/`).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: expect.stringMatching(/^(OutboundRefused|TypeError)$/) });
    }
    expect(connections).toBe(0);
  });

  // The last before a range, its ends, the first after it.
  test.each([
    ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
    ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
    ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
    ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
    ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
    ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
    ['198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
    ['168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
    ['2000:ffff::', '2001::', '2001:1ff:ffff::', '2001:200::'],
    ['2001:ffff::', '2002::', '2002:ffff::', '2003::'],
  ])('%s is public; %s to %s is not; %s is', (before, first, last, after) => {
    expect([before, first, last, after].map(isRefused)).toEqual([false, true, true, false]);
  });

  test.each([
    '1fff:ffff::',
    '4000::',
    '223.255.255.256',
    'x',
    '',
    '8.8.8.8%eth0',
    'fe80::1%lo',
  ])('what is no global address is none: %s', (address) => {
    expect(isRefused(address)).toBe(true);
  });
});

describe('what the operator names is connected to, and nothing beside it', () => {
  test.each([
    ['an address', '127.0.0.1', '127.0.0.1'],
    ['a range', '127.0.0.0/8', '127.0.0.1'],
    ['an address of IPv6', '::1', '[::1]'],
    ['a host', 'localhost', 'LOCALHOST'],
  ])('%s: %s', async (_, entry, host) => {
    const { status, body } = await get(wayTo({ allow: [entry] }), `http://${host}:${port}/`);
    expect({ status, body: String(body) }).toEqual({ status: 200, body: 'hello' });
  });

  test.each([
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]'],
    ['127.0.0.0/8', '[::1]'],
    ['::/0', '127.0.0.1'],
    ['elsewhere', 'localhost'],
  ])('%s is not %s', async (entry, host) => {
    const failure = get(wayTo({ allow: [entry] }), `http://${host}:${port}/`);
    await expect(failure).rejects.toMatchObject({ name: 'OutboundRefused' });
    expect(connections).toBe(0);
  });

  test('a URL of the configuration allows its own host and port', async () => {
    const way = wayTo({ configured: [`http://127.0.0.1:${port}/keys`] });
    expect((await get(way, `http://127.0.0.1:${port}/other`)).status).toBe(200);
    await expect(get(way, `http://127.0.0.1:${port + 1}/keys`)).rejects.toThrow('--outbound-allow 127.0.0.1');
    await expect(get(way, `http://localhost:${port}/keys`)).rejects.toThrow('--outbound-allow localhost');
  });

  test('in the clear only to what is named, public or not', async () => {
    await expect(get(wayTo(), 'http://8.8.8.8/')).rejects.toThrow('use https, or --outbound-allow 8.8.8.8');
  });

  test.each([
    '300.1.1.1',
    '10.0.0.0/33',
    'a b',
    'https://x',
    'host:80',
    '10.0.0',
    'fd00::/129',
    '10.0.0.0/8/8',
  ])('a list with %s in it is wrong usage', (entry) => {
    expect(() => parseServeConfig(['--outbound-allow', entry])).toThrow('--outbound-allow');
  });
});

describe('names', () => {
  const named = (host: string) => `http://${host}:${port}/`;

  test('one that moves to another address between two tries is looked at again, once a try', async () => {
    const name = { addresses: ['127.0.0.2'], asked: 0 };
    names.names.set('moving.example', name);
    const way = namedWay(['127.0.0.2']);
    expect((await get(way, named('moving.example'))).status).toBe(200);
    expect(name.asked).toBe(1);
    name.addresses = ['127.0.0.1'];
    await expect(get(way, named('moving.example'))).rejects.toMatchObject({ name: 'OutboundRefused' });
    expect([name.asked, connections]).toEqual([2, 1]);
  });

  test('one that has both kinds of addresses is reached at those that are allowed', async () => {
    names.names.set('both.example', { addresses: ['169.254.169.254', '127.0.0.2'] });
    expect((await get(namedWay(['127.0.0.2']), named('both.example'))).status).toBe(200);
  });

  test('one that is resolved late is checked all the same', async () => {
    names.names.set('late.example', { addresses: ['127.0.0.1'], afterMs: 300 });
    await expect(get(namedWay(), named('late.example'))).rejects.toMatchObject({ name: 'OutboundRefused' });
    expect(connections).toBe(0);
  });

  test('one that is not resolved in time ends the wait, and others behind it go on', async () => {
    names.names.set('never.example', { addresses: ['127.0.0.2'], afterMs: 60_000 });
    names.names.set('here.example', { addresses: ['127.0.0.2'] });
    const way = namedWay(['127.0.0.2']);
    const never = expect(get(way, named('never.example'), 200)).rejects.toThrow('within 200 ms');
    expect((await get(way, named('here.example'))).status).toBe(200);
    await never;
  });

  test('what others have named keeps no name of the configuration waiting', async () => {
    names.names.set('never.example', { addresses: ['127.0.0.2'], afterMs: 60_000 });
    names.names.set('here.example', { addresses: ['127.0.0.2'] });
    const outbound = createOutbound(parseAllowed(['127.0.0.2']), names);
    const others = outbound.wayTo([]);
    const nevers = [1, 2, 3].map(() =>
      expect(get(others, named('never.example'), 1_000)).rejects.toThrow('within 1000 ms'),
    );
    const operators = outbound.wayTo([named('here.example')]);
    expect((await get(operators, named('here.example'), 900)).status).toBe(200);
    await Promise.all(nevers);
  });

  test('what one owner has named and what hangs keeps no other owner waiting', async () => {
    names.names.set('slow.example', { addresses: ['127.0.0.2'], afterMs: 1_500 });
    names.names.set('here.example', { addresses: ['127.0.0.2'] });
    const way = namedWay(['127.0.0.2']);
    let waiting = 8;
    const ask = () => get(way, named('slow.example'), 20_000, 'slow').catch(() => undefined);
    const slow = Array.from({ length: waiting }, () => ask().then(() => (waiting -= 1)));
    // At first nobody knows whose names hang; from then on one place is for the others.
    await Promise.race(slow);
    for (const owner of ['one', 'two']) await get(way, named('here.example'), 20_000, owner);
    expect(waiting).toBeGreaterThanOrEqual(3);
    await Promise.all(slow);
  }, 20_000);

  test('one that is unknown fails', async () => {
    await expect(get(namedWay(), named('unknown.example'))).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe('answers', () => {
  const local = () => wayTo({ allow: ['127.0.0.1'] });
  const url = () => `http://127.0.0.1:${port}/`;

  test('a redirect is an answer, and is not followed', async () => {
    answer = (res) => res.writeHead(307, { location: url() }).end();
    expect((await get(local(), url())).status).toBe(307);
    expect(connections).toBe(1);
  });

  test('are read to 64 KiB and cut there', async () => {
    let bytes = answerBytesMax;
    answer = (res) => res.end(Buffer.alloc(bytes));
    expect((await get(local(), url())).status).toBe(200);
    bytes = answerBytesMax + 1;
    await expect(get(local(), url())).rejects.toThrow('more than 65536 bytes');
  });

  test('one that never ends is cut, and who sends it notices', async () => {
    const closed = Promise.withResolvers<number>();
    answer = (res) => {
      let sent = 0;
      const more = (): void => {
        while (!res.destroyed && res.write(Buffer.alloc(65_536))) sent += 1;
      };
      res.on('drain', more).on('close', () => closed.resolve(sent));
      more();
    };
    await expect(get(local(), url())).rejects.toThrow('more than 65536 bytes');
    expect(await closed.promise).toBeLessThan(1_000);
  });

  test.each([
    '',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  ])('a connection that ends or becomes something else is none: %j', async (text) => {
    answer = (res) => res.socket?.end(text);
    const failure = get(local(), url(), 2_000);
    await expect(failure).rejects.toThrow(/socket hang up|the connection ended without an answer/);
  });

  test.each<[string, (res: ServerResponse) => unknown]>([
    ['none', () => undefined],
    ['a head alone', (res) => res.writeHead(200).flushHeaders()],
    ['one that drips', (res) => setInterval(() => res.write('x'), 50).unref()],
  ])('%s: no wait is longer than its limit', async (_, slow) => {
    answer = slow;
    await expect(get(local(), url(), 300)).rejects.toThrow('no whole answer within 300 ms');
  });

  test('that are no HTTP fail', async () => {
    answer = (res) => res.socket?.end('220 mail.example ESMTP\r\n');
    await expect(get(local(), url())).rejects.toThrow('Parse Error');
  });
});
