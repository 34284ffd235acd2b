import { connectClients, readByGet } from './connect-clients.js';
import { googleClients } from './google-clients.js';
import { restClients } from './rest-client.js';

const clients = { ...connectClients, ...restClients, ...googleClients };

// What the suite calls from outside. Every answer is plain data: what was read, the refusal, or `failure` where the
// browser let nothing be read at all.
globalThis.latchkey = {
  unlock: (name, call) => readable(() => clients[name](call)),
  readByGet: (call) => readable(() => readByGet(call)),
  ask: (url, init) => readable(() => ask(url, init)),
  protocolOf,
};

async function readable(work) {
  try {
    return await work();
  } catch (error) {
    return { failure: String(error) };
  }
}

async function ask(url, init) {
  const res = await fetch(url, init);
  return { status: res.status, requestId: res.headers.get('x-request-id'), body: await res.text() };
}

/** The protocol under the newest answer from a URL, as the browser measured it; told of an own origin alone. */
function protocolOf(url) {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const entry = list.getEntriesByName(url).at(-1);
      if (entry === undefined) return;
      observer.disconnect();
      resolve(entry.nextHopProtocol);
    });
    observer.observe({ type: 'resource', buffered: true });
  });
}
