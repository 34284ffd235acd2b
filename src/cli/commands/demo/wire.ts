import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { frame, frameReader, messageOf } from '../../remote/frames.ts';
import { CallFailed } from '../../remote/status.ts';

/** A call as the demonstration makes it, in any protocol. */
export interface DemoCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly verb: 'GET' | 'POST';
  readonly route: string;
  /** The request in JSON. */
  readonly message: Readonly<Record<string, unknown>>;
  readonly request: Codec;
  readonly response: Codec;
}

/** What ts-proto makes of a message, whichever it is. */
export interface Codec {
  encode(message: never): { finish(): Uint8Array };
  decode(input: Uint8Array): unknown;
  fromJSON(object: unknown): unknown;
  toJSON(message: never): unknown;
}

export interface DemoAnswer {
  /** Canonical name; OK where it went well. */
  readonly code: string;
  readonly message: string;
  /** The response in JSON; empty where the call failed. */
  readonly response: Readonly<Record<string, unknown>>;
}

interface Target {
  readonly url: string;
  readonly token: string;
}

export type Speak = (target: Target, call: DemoCall) => Promise<DemoAnswer>;

/** The four protocols, each as plainly as it can be spoken. */
export const protocols: Readonly<Record<string, Speak>> = {
  REST: speakRest,
  Connect: speakConnect,
  gRPC: speakGrpc,
  'gRPC-Web': speakGrpcWeb,
};

const codeName = (code: number): string => status[code] ?? `code ${code}`;
const ok = (response: unknown): DemoAnswer => ({ code: 'OK', message: '', response: parseObject(response) });
const timeoutMs = 15_000;

async function speakRest({ url, token }: Target, { verb, route, message }: DemoCall): Promise<DemoAnswer> {
  const body = verb === 'POST' ? { body: JSON.stringify(message) } : {};
  const answer = await fetch(url + route, { method: verb, headers: headersOf(token), ...body, ...limited() });
  const json = parseObject(await answer.json());
  if (answer.ok) return ok(json);
  return { code: codeName(Number(json.code)), message: String(json.message), response: {} };
}

async function speakConnect({ url, token }: Target, { path, message }: DemoCall): Promise<DemoAnswer> {
  const body = JSON.stringify(message);
  const answer = await fetch(url + path, { method: 'POST', headers: headersOf(token), body, ...limited() });
  const json = parseObject(await answer.json());
  if (answer.ok) return ok(json);
  return { code: String(json.code).toUpperCase(), message: String(json.message), response: {} };
}

function speakGrpc({ url, token }: Target, call: DemoCall): Promise<DemoAnswer> {
  const client = new Client(new URL(url).host, credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const deadline = Date.now() + timeoutMs;
  return new Promise<DemoAnswer>((resolve) => {
    const bytes = Buffer.from(encode(call));
    const same = (sent: Buffer) => sent;
    client.makeUnaryRequest(call.path, same, same, bytes, metadata, { deadline }, (error, response) =>
      resolve(
        error === null
          ? ok(decode(call, response ?? new Uint8Array()))
          : { code: codeName(error.code), message: error.details, response: {} },
      ),
    );
  }).finally(() => client.close());
}

async function speakGrpcWeb({ url, token }: Target, call: DemoCall): Promise<DemoAnswer> {
  const headers = { ...headersOf(token), 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
  const body = new Uint8Array(frame(encode(call)));
  const answer = await fetch(url + call.path, { method: 'POST', headers, body, ...limited() });
  const reader = frameReader();
  reader.take(Buffer.from(await answer.arrayBuffer()));
  try {
    return ok(decode(call, messageOf(reader.end(), Object.fromEntries(answer.headers))));
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    return { code: codeName(error.code), message: error.details, response: {} };
  }
}

const headersOf = (token: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  'user-agent': 'latchkey-demo',
});

const limited = () => ({ signal: AbortSignal.timeout(timeoutMs) });
const encode = ({ request, message }: DemoCall): Uint8Array =>
  request.encode(request.fromJSON(message) as never).finish();
const decode = ({ response }: DemoCall, bytes: Uint8Array): unknown =>
  response.toJSON(response.decode(bytes) as never);

function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
