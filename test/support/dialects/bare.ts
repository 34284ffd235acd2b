import { fromJson, type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import {
  type Answer,
  canonical,
  codeName,
  codeNameOfConnect,
  detailOfBytes,
  detailOfJson,
  detailsOfStatus,
  failed,
  succeeded,
} from '../answer.ts';
import { type Method, type MethodName, methods } from '../methods.ts';
import type { HttpVersion, Wire, WireAnswer, WireHeaders, WireRequest } from '../wire.ts';

/** A call, before any dialect. */
export interface Ask {
  readonly method: MethodName;
  /** The request in JSON, lowerCamelCase. */
  readonly message: JsonObject;
  readonly token?: string | undefined;
  /** Beside those of the dialect, or in their place. */
  readonly headers?: WireHeaders;
  /** Sends a message cut off in the middle in the place of the request. */
  readonly malformed?: boolean;
}

/** How a dialect puts a call on the wire. */
export interface Form {
  readonly http: HttpVersion;
  readonly contentType: string;
  readonly codec: 'json' | 'proto';
  readonly frame: 'rest' | 'connect' | 'grpc' | 'web' | 'web-text';
  readonly url: 'rest' | 'rpc';
}

/** The dialect without any library, byte by byte from its specification. */
export async function askBare(wire: Wire, form: Form, ask: Ask): Promise<Answer> {
  return parsers[form.frame](await sendBare(wire, form, ask), methods[ask.method], form);
}

/** The same, but the answer as it came. */
export function sendBare(wire: Wire, form: Form, ask: Ask): Promise<WireAnswer> {
  return wire.send(requestOf(form, ask));
}

function requestOf(form: Form, ask: Ask): WireRequest {
  const method: Method = methods[ask.method];
  const { service, verb, path, rest } = form.url === 'rest' ? onRestUrl(method, ask) : onRpcUrl(method, ask);
  const message = ask.malformed ? malformedBytes(form) : encode(form, method, rest);
  const takesBody =
    verb === 'POST' || verb === 'PUT' || verb === 'PATCH' || ('hasBody' in method && method.hasBody);
  const isBodiless = form.frame === 'rest' && !takesBody;
  return {
    version: form.http,
    // A body of RPC needs a verb that has one.
    verb: form.frame === 'rest' ? verb : 'POST',
    path: isBodiless ? `${path}${queryOf(rest)}` : service === undefined ? path : `/${service}/${path}`,
    headers: { ...headersOf(form, ask, isBodiless), ...ask.headers },
    body: isBodiless ? new Uint8Array() : framed(form, message),
  };
}

function onRpcUrl({ desc }: Method, { message }: Ask) {
  return { service: desc.parent.typeName, verb: 'POST', path: desc.name, rest: message };
}

// What stands in the path is left out of the body, so that only the path can have brought it.
function onRestUrl({ verb, route }: Method, { message }: Ask) {
  const rest = { ...message };
  const path = route.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const field = name.replaceAll(/_(.)/g, (__, letter: string) => letter.toUpperCase());
    const value = rest[field];
    delete rest[field];
    return encodeURIComponent(String(value));
  });
  return { service: undefined, verb, path, rest };
}

function queryOf(fields: JsonObject): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) => parametersOf(name, value));
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

// A field inside another by its path, an element of a list by the list's name again.
function parametersOf(name: string, value: JsonValue): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((element) => parametersOf(name, element));
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([inner, one]) => parametersOf(`${name}.${inner}`, one));
}

function headersOf(form: Form, ask: Ask, isBodiless: boolean): Record<string, string> {
  return {
    ...(!isBodiless && { 'content-type': form.contentType }),
    ...(form.frame === 'connect' && { 'connect-protocol-version': '1' }),
    ...(form.frame === 'grpc' && { te: 'trailers' }),
    ...(form.frame.startsWith('web') && { 'x-grpc-web': '1' }),
    ...(ask.token !== undefined && { authorization: `Bearer ${ask.token}` }),
  };
}

function encode({ codec }: Form, { desc }: Method, message: JsonObject): Uint8Array {
  if (codec === 'json') return Buffer.from(JSON.stringify(message));
  return toBinary(desc.input, fromJson(desc.input, message));
}

// A JSON object that does not end; a field 1 of five bytes of which one is there.
function malformedBytes({ codec }: Form): Uint8Array {
  return codec === 'json' ? Buffer.from('{"reason":') : Buffer.from([0x0a, 0x05, 0x61]);
}

function framed({ frame }: Form, message: Uint8Array): Uint8Array {
  if (frame === 'rest' || frame === 'connect') return message;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const envelope = Buffer.concat([head, message]);
  return frame === 'web-text' ? Buffer.from(envelope.toString('base64')) : envelope;
}

type Parser = (answer: WireAnswer, method: Method, form: Form) => Answer;

const parsers = {
  rest(answer, { desc }) {
    const json = JSON.parse(answer.body.toString()) as JsonObject;
    if (answer.status < 300) return succeeded(canonical(desc, json), answer.status);
    const { code, message, details = [] } = json as { code: number; message: string; details?: JsonObject[] };
    return failed({ code: codeName(code), message, details: details.map(detailOfJson) }, answer.status);
  },

  connect(answer, { desc }, { codec }) {
    if (answer.status === 200) {
      const body = codec === 'json' ? JSON.parse(answer.body.toString()) : new Uint8Array(answer.body);
      return succeeded(canonical(desc, body), answer.status);
    }
    const { code, message, details = [] } = JSON.parse(answer.body.toString()) as ConnectErrorJson;
    const decoded = details.map(({ type, value }) => {
      if (value.includes('=')) throw new Error(`padded: ${value}`);
      return detailOfBytes(type, Buffer.from(value, 'base64'));
    });
    return failed({ code: codeNameOfConnect(code), message, details: decoded }, answer.status);
  },

  grpc(answer, method, form) {
    const { headers, trailers, body } = answer;
    const isTrailersOnly = headers['grpc-status'] !== undefined;
    return ofGrpc({ answer, trailers: isTrailersOnly ? headers : trailers, frames: body }, method, form);
  },

  web: (answer, method, form) => ofWeb(answer, answer.body, { method, form }),

  'web-text': (answer, method, form) =>
    ofWeb(answer, Buffer.from(answer.body.toString('latin1'), 'base64'), { method, form }),
} as const satisfies Record<Form['frame'], Parser>;

interface ConnectErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

interface GrpcAnswer {
  readonly answer: WireAnswer;
  readonly trailers: WireHeaders;
  readonly frames: Buffer;
}

function ofGrpc({ answer, trailers, frames }: GrpcAnswer, { desc }: Method, { codec }: Form): Answer {
  const code = Number(trailers['grpc-status'] ?? Number.NaN);
  if (Number.isNaN(code)) throw new Error('an answer without a status');
  if (code === 0) {
    const bytes = frames.subarray(5, 5 + frames.readUInt32BE(1));
    const response = codec === 'json' ? JSON.parse(bytes.toString()) : new Uint8Array(bytes);
    return succeeded(canonical(desc, response), answer.status);
  }
  const message = decodeURIComponent(trailers['grpc-message'] ?? '');
  const packed = trailers['grpc-status-details-bin'];
  const details = packed === undefined ? [] : detailsOfStatus(packed, { code, message });
  return failed({ code: codeName(code), message, details }, answer.status);
}

// The trailer is the last frame, flag 0x80, lines as HTTP/1.1 has them.
function ofWeb(answer: WireAnswer, body: Buffer, call: { method: Method; form: Form }): Answer {
  let at = 0;
  while (body[at] !== 0x80) at += 5 + body.readUInt32BE(at + 1);
  const lines = body
    .subarray(at + 5)
    .toString()
    .trimEnd()
    .split('\r\n');
  const trailers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return ofGrpc({ answer, trailers, frames: body.subarray(0, at) }, call.method, call.form);
}
