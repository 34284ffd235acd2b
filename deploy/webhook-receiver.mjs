// A receiver of webhooks: verifies, answers at once, then does the work, once for each message.
// WEBHOOK_SECRET=whsec_… PORT=3000 node webhook-receiver.mjs; put a proxy that ends TLS in front of it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

// Several while a secret is exchanged, with commas between.
const keys = (process.env.WEBHOOK_SECRET ?? '')
  .split(',')
  .filter((secret) => secret !== '')
  .map((secret) => Buffer.from(secret.trim().replace(/^whsec_/, ''), 'base64'));
if (keys.length === 0) throw new Error('WEBHOOK_SECRET must hold what "latchkey hook create" printed');

const bodyBytesMax = 1_048_576;
const ageSecondsMax = 300;
const rememberedMax = 10_000;
/** What was done. A receiver that must not do anything twice, not even after a restart, keeps it in its database. */
const done = new Set();

const server = createServer(async (req, res) => {
  try {
    const body = await bodyOf(req);
    if (req.method !== 'POST' || !isOurs(req.headers, body)) {
      res.writeHead(400).end();
      return;
    }
    const id = req.headers['webhook-id'];
    const isNew = !done.has(id);
    if (isNew) remember(id);
    res.writeHead(204).end();
    if (isNew) handle(JSON.parse(body));
  } catch {
    res.writeHead(400).end();
  }
});
server.requestTimeout = 15_000;
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  process.stdout.write(`listening on ${JSON.stringify(server.address())}\n`);
});
process.on('SIGTERM', () => server.close());

/** What is to be done with it: here it is a line. */
function handle({ type, timestamp, data }) {
  process.stdout.write(`${JSON.stringify({ type, timestamp, ...data })}\n`);
}

async function bodyOf(req) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of req) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isOurs(headers, body) {
  const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']];
  if (!(Math.abs(Date.now() / 1_000 - Number(timestamp)) <= ageSecondsMax)) return false;
  const given = String(headers['webhook-signature'] ?? '')
    .split(' ')
    .filter((one) => one.startsWith('v1,'))
    .map((one) => Buffer.from(one.slice('v1,'.length), 'base64'));
  return keys.some((key) => {
    const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
    return given.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
  });
}

function remember(id) {
  done.add(id);
  const [oldest] = done;
  if (done.size > rememberedMax) done.delete(oldest);
}
