import type { JsonObject } from '@bufbuild/protobuf';

const timeoutMs = 60_000;
const prefixBytes = 5;

/** The first message of a stream, over Connect in JSON: five bytes of flags and length, then the message. */
export async function firstMessage(
  at: URL,
  headers: Readonly<Record<string, string>>,
  message: JsonObject,
): Promise<JsonObject> {
  const answer = await fetch(at, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/connect+json' },
    body: enveloped(JSON.stringify(message)),
    signal: AbortSignal.timeout(timeoutMs),
  });
  let held = Buffer.alloc(0);
  for await (const chunk of answer.body ?? []) {
    held = Buffer.concat([held, chunk]);
    const length = held.length < prefixBytes ? Number.POSITIVE_INFINITY : held.readUInt32BE(1);
    if (held.length < prefixBytes + length) continue;
    // Who leaves the loop hangs up.
    return JSON.parse(held.toString('utf8', prefixBytes, prefixBytes + length)) as JsonObject;
  }
  throw new Error(`${at.pathname} ended without a message: ${answer.status}`);
}

function enveloped(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(text);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(bytes.length, 1);
  return new Uint8Array(Buffer.concat([prefix, bytes]));
}
