import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { createClientAddress } from '../../src/server/http/client-address.ts';
import { createAddressFailures } from '../../src/sign-in/address-failures.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a clock that ran ahead leaves no address to wait for what it showed', () => {
  const failures = createAddressFailures();
  const [address, hourMs, nowMs] = ['203.0.113.1', 3_600_000, 1_000_000];
  failures.add(address, nowMs + hourMs);
  expect(() => failures.require(address, 1, nowMs + hourMs)).toThrow();
  expect(() => failures.require(address, 1, nowMs + hourMs - 60_000)).toThrow();
  expect(() => failures.require(address, 1, nowMs)).not.toThrow();
  failures.add(address, nowMs);
  expect(() => failures.require(address, 1, nowMs)).toThrow();
});

test.each([
  ['::ffff:203.0.113.1', '::ffff:cb00:7101', '::ffff:203.0.113.2'],
  ['203.0.113.1', '0:0:0:0:0:FFFF:cb00:7101', '::ffff:cb00:7102'],
  ['64:ff9b::203.0.113.1', '203.0.113.1', '64:ff9b::cb00:7102'],
  ['2001:db8:0:1::1', '2001:0DB8::1:ffff:0:0:1', '2001:db8::1'],
])('%s and %s are one, %s is another', (one, same, other) => {
  const failures = createAddressFailures();
  failures.add(one, 0);
  expect(() => failures.require(same, 1, 0)).toThrow();
  expect(() => failures.require(other, 1, 0)).not.toThrow();
});

test('of a long forwarding header no more is kept than the address at its end', () => {
  const clientAddress = createClientAddress({ trustedProxies: ['127.0.0.1'], header: 'x-forwarded-for' });
  const failures = createAddressFailures();
  const before = '192.0.2.111, '.repeat(1_000);
  collectGarbage();
  const bytesBefore = process.memoryUsage().heapUsed;
  for (let nth = 0; nth < 4_000; nth += 1) {
    // As it comes from a socket: one text of its own for each request.
    const header = Buffer.from(`${before}198.51.${100 + (nth >> 6)}.${100 + (nth & 63)}`).toString('latin1');
    failures.add(clientAddress('127.0.0.1', header), 0);
  }
  collectGarbage();
  expect(process.memoryUsage().heapUsed - bytesBefore).toBeLessThan(8_000_000);
  expect(() => failures.require('198.51.100.100', 1, 0)).toThrow();
});
