import type { Way } from './outbound.ts';

const timeoutMs = 5_000;

/** GETs a JSON document within 5 seconds. Rejects with what went wrong. */
export async function fetchJson(way: Way, url: string): Promise<unknown> {
  const { status, body } = await way.send({
    ...{ url, method: 'GET', headers: { accept: 'application/json' }, timeoutMs },
  });
  if (status < 200 || status > 299) throw new Error(`${url} answers ${status}`);
  return JSON.parse(body.toString('utf8'));
}
