import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { formatFor } from '../../src/ops/exposition.ts';
import { makeKeyPair } from '../server/doors/key-pair.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { metricsText, readExposition, readMetrics, sumOf } from './exposition.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
beforeAll(async () => {
  server = resources.use(await startServer({ flags: ['--metrics-listen', '127.0.0.1:0'] }));
});
afterAll(() => resources.disposeAsync());

const openmetrics = 'application/openmetrics-text; version=1.0.0';
const metricsUrl = (): string => server.metricsUrl ?? '';

test('metrics are on their own address alone', async () => {
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
  expect((await fetch(metricsUrl().replace('/metrics', '/readyz'))).status).toBe(404);
  expect((await fetch(metricsUrl(), { method: 'POST', body: 'x' })).status).toBe(405);
  const head = await fetch(metricsUrl(), { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('without the flag there are none', async () => {
  await using plain = await startServer();
  expect(plain.metricsUrl).toBeUndefined();
});

test.each([
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
])('--metrics-listen %s', (text, expected) => {
  expect(parseServeConfig(['--metrics-listen', text]).metricsListen).toEqual(expected);
});

test.each([
  '9464',
  ':9464',
  '::1:9464',
  'localhost:',
  'localhost:65536',
  'a b:1',
])('--metrics-listen %s is refused', (text) => {
  expect(() => parseServeConfig(['--metrics-listen', text])).toThrow(/must be HOST:PORT, such as/);
});

test('a taken address stops the start', async () => {
  const taken = new URL(metricsUrl()).host;
  await expect(startServer({ flags: ['--metrics-listen', taken] })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test.each([
  [undefined, 'prometheus'],
  ['*/*', 'prometheus'],
  ['text/plain', 'prometheus'],
  [openmetrics, 'openmetrics'],
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['application/openmetrics-text;version=0.0.1,text/plain;q=0.5', 'prometheus'],
  ['text/plain,application/openmetrics-text;version=1.0.0;q=0.5', 'prometheus'],
])('Accept: %s is answered in %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});

test('both forms hold the same series', async () => {
  const [text, open] = [await metricsText(metricsUrl()), await metricsText(metricsUrl(), openmetrics)];
  expect(open.endsWith('\n# EOF\n')).toBe(true);
  const series = (from: string) =>
    readExposition(from)
      .samples.map(({ name, labels }) =>
        JSON.stringify({ name, ...labels, ...(labels.le && { le: Number(labels.le) }) }),
      )
      .sort();
  expect(series(open)).toEqual(series(text));
  // Counters are called by their samples' name in one form, by the family's in the other.
  expect(readExposition(text).types.get('latchkey_locks_total')).toBe('counter');
  expect(readExposition(open).types.get('latchkey_locks')).toBe('counter');
});

test('buckets are cumulative and end with the count', async () => {
  const { samples } = await readMetrics(metricsUrl());
  const name = 'nodejs_gc_duration_seconds';
  const minor = samples.filter(({ labels }) => labels.kind === 'minor');
  const buckets = minor.filter((sample) => sample.name === `${name}_bucket`).map(({ value }) => value);
  expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  expect(buckets.at(-1)).toBe(sumOf({ types: new Map(), samples: minor }, `${name}_count`));
});

test('readiness is a metric', async () => {
  expect(sumOf(await readMetrics(metricsUrl()), 'latchkey_ready')).toBe(1);
});

test('the validity of the certificate that clients are shown is a metric, where there is one', async () => {
  const { certPath, keyPath } = resources.use(await makeKeyPair());
  const flags = ['--metrics-listen', '127.0.0.1:0', '--tls-cert', certPath, '--tls-key', keyPath];
  await using tls = await startServer({ flags });
  const { validFromDate, validToDate } = new X509Certificate(await readFile(certPath));
  const shown = await readMetrics(tls.metricsUrl ?? '');
  const bound = (which: string) => sumOf(shown, `latchkey_certificate_not_${which}_seconds`);
  expect([bound('before'), bound('after')]).toEqual([
    Number(validFromDate) / 1_000,
    Number(validToDate) / 1_000,
  ]);
  expect(await metricsText(metricsUrl())).not.toMatch(/^latchkey_certificate_/m);
});
