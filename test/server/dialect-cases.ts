import type { HttpVersion, WireAnswer } from '../support/wire.ts';

/** One way to write a call of UnlockUser, byte by byte, with none of the code under test. */
export interface WireDialect {
  readonly name: string;
  readonly versions: readonly HttpVersion[];
  readonly path: (userId: string) => string;
  readonly contentType: string;
  readonly encode: (userId: string) => Buffer;
  readonly read: (answer: WireAnswer) => ReadAnswer;
}

/** What an answer says, whatever its dress. */
export interface ReadAnswer {
  readonly http: number;
  readonly code: string;
  readonly message?: string;
  /** The response message as it came: bytes in base64, or JSON. */
  readonly response?: string;
}

const rpcPath = (): string => '/zitadel.user.v2.UserService/UnlockUser';
const restPath = (userId: string): string => `/v2/users/${userId}/unlock`;

/** `UnlockUserRequest{user_id}`: field 1, length-delimited. */
export function protoRequest(userId: string): Buffer {
  const text = Buffer.from(userId);
  const length: number[] = [];
  let rest = text.length;
  for (; rest > 0x7f; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([0x0a, ...length, rest]), text]);
}

/** Flags and length before a message. */
export function envelope(bytes: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The envelopes of a body. */
export function envelopes(body: Buffer): { flags: number; bytes: Buffer }[] {
  const found = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1);
    found.push({ flags: body.readUInt8(at), bytes: body.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return found;
}

const json = (userId: string): Buffer => Buffer.from(JSON.stringify({ userId }));

function readUnary(answer: WireAnswer): ReadAnswer {
  const isJson = answer.headers['content-type'] === 'application/json';
  if (answer.status === 200) {
    return { http: 200, code: 'ok', response: answer.body.toString(isJson ? 'utf8' : 'base64') };
  }
  if (answer.body.length === 0) return { http: answer.status, code: '' };
  const { code, message } = JSON.parse(answer.body.toString());
  return { http: answer.status, code: String(code), message };
}

function readGrpc({ status, headers, trailers, body }: WireAnswer): ReadAnswer {
  const fields = trailers['grpc-status'] === undefined ? headers : trailers;
  return readStatus(status, fields, envelopes(body)[0]?.bytes, headers['content-type'] ?? '');
}

function readWeb({ status, headers, body }: WireAnswer): ReadAnswer {
  const frames = envelopes(body);
  const trailer = frames.find(({ flags }) => flags === 0x80)?.bytes.toString() ?? '';
  const pairs = trailer.split('\r\n').flatMap((line): [string, string][] => {
    const [name = '', value] = line.split(/: (.*)/s);
    return value === undefined ? [] : [[name, value]];
  });
  const message = frames.find(({ flags }) => flags === 0)?.bytes;
  return readStatus(status, Object.fromEntries(pairs), message, headers['content-type'] ?? '');
}

function readStatus(
  http: number,
  fields: Readonly<Record<string, string>>,
  message: Buffer | undefined,
  contentType: string,
): ReadAnswer {
  const code = fields['grpc-status'] ?? '';
  if (code !== '0') return { http, code, message: decodeURIComponent(fields['grpc-message'] ?? '') };
  const response = message?.toString(contentType.includes('json') ? 'utf8' : 'base64') ?? '';
  return { http, code: 'ok', response };
}

function readWebText(answer: WireAnswer): ReadAnswer {
  return readWeb({ ...answer, body: Buffer.from(answer.body.toString(), 'base64') });
}

const both: readonly HttpVersion[] = [1, 2];

function framed(
  contentType: string,
  options: Pick<WireDialect, 'read' | 'encode'> & { readonly path?: WireDialect['path'] },
): WireDialect {
  const { read, encode, path = rpcPath } = options;
  const name = path === rpcPath ? contentType : `${contentType} on the REST path`;
  return { name, versions: both, path, contentType, encode, read };
}

const proto = (userId: string): Buffer => envelope(protoRequest(userId));
const other = (): Buffer => proto('somebody else');
const base64 = (bytes: Buffer): Buffer => Buffer.from(bytes.toString('base64'));

/** Every dialect and content type of the contract, over both versions of HTTP. */
export const dialects: readonly WireDialect[] = [
  framed('application/json', { read: readUnary, encode: json }),
  framed('application/json; charset=utf-8', { read: readUnary, encode: json }),
  framed('application/proto', { read: readUnary, encode: protoRequest }),
  framed('application/grpc', { read: readGrpc, encode: proto }),
  framed('application/grpc+proto', { read: readGrpc, encode: proto }),
  framed('application/grpc+json', { read: readGrpc, encode: (userId) => envelope(json(userId)) }),
  framed('application/grpc-web', { read: readWeb, encode: proto }),
  framed('application/grpc-web+proto', { read: readWeb, encode: proto }),
  framed('application/grpc-web+json', { read: readWeb, encode: (userId) => envelope(json(userId)) }),
  framed('application/grpc-web-text', { read: readWebText, encode: (userId) => base64(proto(userId)) }),
  framed('application/grpc-web-text+proto', { read: readWebText, encode: (userId) => base64(proto(userId)) }),
  framed('application/json', { read: readUnary, encode: () => Buffer.alloc(0), path: restPath }),
  framed('text/plain', { read: readUnary, encode: () => Buffer.from('{}'), path: restPath }),
  framed('application/grpc', { read: readGrpc, encode: other, path: restPath }),
  framed('application/grpc+proto', { read: readGrpc, encode: other, path: restPath }),
  framed('application/grpc-web', { read: readWeb, encode: other, path: restPath }),
  framed('application/grpc-web+proto', { read: readWeb, encode: other, path: restPath }),
  framed('application/proto', { read: readUnary, encode: () => protoRequest('other'), path: restPath }),
];
