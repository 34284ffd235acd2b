import { once } from 'node:events';

const answerTimeoutMs = 30_000;

/** Records what a page puts on the wire, preflights too, which no script of the page ever sees. */
export async function recordTraffic(page) {
  const session = await page.context().newCDPSession(page);
  const exchanges = new Map();
  const amend = (id, facts) => exchanges.set(id, { ...exchanges.get(id), ...facts });
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    const contentType = headerOf(request.headers, 'content-type');
    amend(requestId, { method: request.method, url: request.url, contentType });
  });
  session.on('Network.responseReceived', ({ requestId, response }) => {
    const exposed = headerOf(response.headers, 'access-control-expose-headers');
    amend(requestId, { status: response.status, protocol: response.protocol, exposed });
  });
  session.on('Network.loadingFailed', ({ requestId, corsErrorStatus, errorText }) => {
    amend(requestId, { failure: corsErrorStatus?.corsError ?? errorText });
  });
  await session.send('Network.enable');
  return {
    /** Everything sent to a server since the last time, in order, once each has its answer or its failure. */
    async take(url) {
      const signal = AbortSignal.timeout(answerTimeoutMs);
      for (;;) {
        const found = [...exchanges].filter(([, exchange]) => exchange.url?.startsWith(`${url}/`));
        if (found.every(([, { status, failure }]) => status !== undefined || failure !== undefined)) {
          for (const [id] of found) exchanges.delete(id);
          return found.map(([, exchange]) => exchange);
        }
        await Promise.race([
          once(session, 'Network.responseReceived', { signal }),
          once(session, 'Network.loadingFailed', { signal }),
        ]);
      }
    },
  };
}

function headerOf(headers, name) {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
