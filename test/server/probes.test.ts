import { describe, expect, test } from '@jest/globals';
import { createRequestIds } from '../../src/server/http/request-id.ts';
import { probe } from '../../src/server/probes.ts';

const ready = { isReady: async () => true, isDraining: () => false, timeoutMs: 1_000 };

describe('probes', () => {
  const hanging = { ...ready, isReady: () => new Promise<never>(() => undefined), timeoutMs: 20 };
  const failing = { ...ready, isReady: () => Promise.reject(new Error('no')) };
  const notReady = { ...ready, isReady: async () => false };
  const draining = { ...ready, isDraining: () => true };

  test.each([
    ['/healthz', 'ready', ready, '200 ok\n'],
    ['/healthz', 'draining', draining, '200 ok\n'],
    ['/healthz', 'not ready', notReady, '200 ok\n'],
    ['/readyz', 'ready', ready, '200 ok\n'],
    ['/readyz', 'draining', draining, '503 draining\n'],
    ['/readyz', 'not ready', notReady, '503 not ready\n'],
    ['/readyz', 'failing', failing, '503 not ready\n'],
    ['/readyz', 'hanging', hanging, '503 not ready\n'],
  ])('%s while %s', async (path, _state, deps, expected) => {
    const answer = await probe(path, deps);
    expect(`${answer?.status} ${answer?.body}`).toBe(expected);
  });

  test('a drain that begins while the store is asked counts', async () => {
    let isDraining = false;
    const isReady = async (): Promise<boolean> => {
      isDraining = true;
      return true;
    };
    expect(await probe('/readyz', { ...ready, isReady, isDraining: () => isDraining })).toEqual({
      status: 503,
      body: 'draining\n',
    });
  });

  test.each(['/', '/healthz/', '/readyz?x', '/v2/users'])('%s is no probe', (path) => {
    expect(probe(path, ready)).toBeUndefined();
  });
});

describe('request id', () => {
  const idOf = createRequestIds('p');

  test.each(['a', 'A-z_0.9~', 'x'.repeat(128)])('takes %j from the client', (incoming) => {
    expect(idOf(incoming)).toBe(incoming);
  });

  test.each([
    undefined,
    '',
    'x'.repeat(129),
    'a b',
    'a\nb',
    'a\n',
    'ü',
    'a,b',
    '<a>',
  ])('makes its own for %j', (incoming) => {
    expect(idOf(incoming)).toMatch(/^p-[0-9a-z]+$/);
  });

  test('never makes one twice, nor the same as another process', () => {
    const made = new Set([createRequestIds(), createRequestIds()].flatMap((make) => [make(''), make('')]));
    expect(made.size).toBe(4);
  });
});
