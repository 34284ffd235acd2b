import { describe, expect, test } from '@jest/globals';
import { createClientAddress } from '../../src/server/http/client-address.ts';
import { type Door, startListener } from '../../src/server/port/listener.ts';
import { askHttp1 } from './clients/clients.ts';

const trustedProxies = ['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48'];
const byList = createClientAddress({ trustedProxies });
const byForwarded = createClientAddress({ trustedProxies, header: 'forwarded' });

describe('x-forwarded-for', () => {
  test.each([
    ['a peer that is no proxy is the client, whatever it says', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['a neighbour of a proxy is no proxy', '192.0.2.8', '198.51.100.1', '192.0.2.8'],
    ['a proxy that says nothing is the client', '10.1.2.3', undefined, '10.1.2.3'],
    ['a proxy is believed', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['an IPv4 proxy is known on a dual-stack socket', '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['a proxy is known in any spelling', '::FFFF:a01:203', '198.51.100.1', '198.51.100.1'],
    ['a client has one spelling', '10.1.2.3', '0:0:0:0:0:FFFF:c633:6401', '198.51.100.1'],
    ['an IPv6 proxy is believed', '2001:db8:1::9', '2001:db8:2::1', '2001:db8:2::1'],
    ['what the client claims left of it is not', '10.1.2.3', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['a chain of proxies is walked', '10.1.2.3', '1.1.1.1, 198.51.100.1, 192.0.2.7', '198.51.100.1'],
    ['a chain of proxies alone ends in its first', '10.1.2.3', '10.9.9.9, 192.0.2.7', '10.9.9.9'],
    ['an entry that is no address ends the walk', '10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['a control character is no address', '10.1.2.3', '198.51.100.1\t\u0001', '10.1.2.3'],
    ['empty elements are passed over', '10.1.2.3', '198.51.100.1, ,', '198.51.100.1'],
    ['a port is left out', '10.1.2.3', '198.51.100.1:4711', '198.51.100.1'],
    ['brackets and port are left out', '10.1.2.3', '[2001:db8:2::1]:4711', '2001:db8:2::1'],
    ['a zone is left out', '10.1.2.3', 'fe80::1%eth0', 'fe80::1'],
    ['a chain beyond any reason ends', '10.1.2.3', `198.51.100.1${', 10.0.0.1'.repeat(500)}`, '10.0.0.1'],
  ])('%s', (_what, peer, forwarded, client) => {
    expect(byList(peer, forwarded)).toBe(client);
  });

  test('without a trusted proxy is never read', () => {
    const direct = createClientAddress({ trustedProxies: [] });
    expect(direct('::ffff:127.0.0.1', '198.51.100.1')).toBe('127.0.0.1');
    expect(direct(undefined, '198.51.100.1')).toBe('');
  });
});

test.each([
  ['for=198.51.100.1', '198.51.100.1'],
  ['For="[2001:db8:2::1]:4711";proto=https', '2001:db8:2::1'],
  ['for=1.1.1.1, proto=https;for=198.51.100.1;by=10.0.0.1, for=192.0.2.7', '198.51.100.1'],
  ['for=198.51.100.1, for=_hidden', '10.1.2.3'],
  ['for=198.51.100.1, proto=https', '10.1.2.3'],
])('forwarded: %s', (forwarded, client) => {
  expect(byForwarded('10.1.2.3', forwarded)).toBe(client);
});

test.each([
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'localhost',
  '',
  '::/129',
  '10.0.0/8',
])('refuses %j as a proxy', (proxy) => {
  expect(() => createClientAddress({ trustedProxies: [proxy] })).toThrow('not an address or a CIDR range');
});

test.each([
  ['believed over a socket from a trusted peer', ['127.0.0.0/8'], '198.51.100.1'],
  ['not believed over a socket from any other', ['10.0.0.0/8'], '127.0.0.1'],
])('x-forwarded-for is %s', async (_what, proxies, client) => {
  const addressOf = createClientAddress({ trustedProxies: proxies });
  const door: Door = {
    handleRequest: (req, res) =>
      res.end(addressOf(req.socket.remoteAddress, String(req.headers['x-forwarded-for']))),
    handleStream: (stream) => stream.reset(2),
  };
  await using listener = await startListener(door, { port: 0, log: () => undefined });
  const { body } = await askHttp1(listener.url, { headers: { 'x-forwarded-for': '1.1.1.1, 198.51.100.1' } });
  expect(body).toBe(client);
});
