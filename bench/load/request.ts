/** How one unlock is dressed; the path decides the method, the content type the dialect. */
export type Dialect = 'grpc' | 'grpc-web' | 'connect-proto' | 'connect-json' | 'rest';

/** What every request of a run has in common. */
export interface RequestShape {
  readonly dialect: Dialect;
  readonly authority: string;
  readonly token: string;
}

/** Bytes of a request, and where in them the user id stands. */
export interface Template {
  readonly bytes: Buffer;
  readonly idAt: number;
}

/** Templates of one HTTP/2 stream: the first on a connection fills the server's HPACK table, the others point into it. */
export interface StreamTemplates {
  readonly first: Template;
  readonly next: Template;
  /** Where the two stream ids stand in each template, as 32-bit numbers. */
  readonly streamIdsAt: (template: Template) => readonly [number, number];
  /** Octets of DATA payload, which count against the server's flow-control windows. */
  readonly dataLength: number;
}

const idDigits = 18;
const idPrefix = '100000000';
const rpcPath = '/zitadel.user.v2.UserService/UnlockUser';
const contentTypes = {
  grpc: 'application/grpc+proto',
  'grpc-web': 'application/grpc-web+proto',
  'connect-proto': 'application/proto',
  'connect-json': 'application/json',
  rest: 'application/json',
} as const satisfies Record<Dialect, string>;

/** The id of user `n` (0 to 999,999,999): 18 digits, ascending with `n`. */
export function userIdOf(n: number): string {
  return idPrefix + String(n).padStart(idDigits - idPrefix.length, '0');
}

/** Writes the id of user `n` over the one in a copy of a template. */
export function patchUserId(bytes: Buffer, idAt: number, n: number): void {
  let rest = n;
  for (let at = idAt + idDigits - 1; at >= idAt + idPrefix.length; at--) {
    const next = Math.floor(rest / 10);
    bytes[at] = 48 + rest - next * 10;
    rest = next;
  }
}

/** A whole HTTP/1.1 request on a connection that is kept alive. */
export function http1Template(shape: RequestShape): Template {
  const body = bodyOf(shape.dialect);
  const head = [
    `POST ${pathOf(shape.dialect)} HTTP/1.1`,
    `host: ${shape.authority}`,
    ...headersOf(shape, body).map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n');
  return template(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]));
}

/** HEADERS and DATA with END_STREAM, as a client that uses the HPACK table sends them. */
export function http2Templates(shape: RequestShape): StreamTemplates {
  const body = bodyOf(shape.dialect);
  const fields: [string, string][] = [[':authority', shape.authority], ...headersOf(shape, body)];
  // A path that holds the id is different every time, so nobody would put it into the table.
  const pathIsIndexed = shape.dialect !== 'rest';
  if (pathIsIndexed) fields.push([':path', pathOf(shape.dialect)]);
  fields.sort(([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':')));

  const methodAndScheme = Buffer.from([0x83, 0x86]);
  const path = pathIsIndexed
    ? Buffer.alloc(0)
    : Buffer.concat([Buffer.from([0x04]), text(pathOf(shape.dialect))]);
  const literals = fields.map(([name, value]) =>
    Buffer.concat([Buffer.from([0x40]), text(name), text(value)]),
  );
  const references = fields.map((_, at) => 0x80 + 62 + fields.length - 1 - at);
  const build = (block: readonly Buffer[]): Template => {
    const header = Buffer.concat([methodAndScheme, path, ...block]);
    return template(Buffer.concat([frame(1, 0x4, header), frame(0, 0x1, body)]));
  };
  return {
    first: build(literals),
    next: build([Buffer.from(references)]),
    streamIdsAt: ({ bytes }) => [5, bytes.length - body.length - 4],
    dataLength: body.length,
  };
}

/** An HTTP/2 frame on stream 0; who sends it patches the stream id. */
export function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

function template(bytes: Buffer): Template {
  const idAt = bytes.indexOf(userIdOf(0));
  if (idAt < 0) throw new Error('the request holds no user id');
  return { bytes, idAt };
}

function pathOf(dialect: Dialect): string {
  return dialect === 'rest' ? `/v2/users/${userIdOf(0)}/unlock` : rpcPath;
}

function headersOf(shape: RequestShape, body: Buffer): [string, string][] {
  const headers: [string, string][] = [
    ['content-type', contentTypes[shape.dialect]],
    ['authorization', `Bearer ${shape.token}`],
    ['user-agent', 'latchkey-bench'],
  ];
  if (shape.dialect === 'grpc') return [...headers, ['te', 'trailers']];
  if (shape.dialect.startsWith('connect')) headers.push(['connect-protocol-version', '1']);
  if (shape.dialect === 'grpc-web') headers.push(['x-grpc-web', '1']);
  return [...headers, ['content-length', String(body.length)]];
}

function bodyOf(dialect: Dialect): Buffer {
  if (dialect === 'rest') return Buffer.from('{}');
  if (dialect === 'connect-json') return Buffer.from(JSON.stringify({ userId: userIdOf(0) }));
  const message = Buffer.concat([Buffer.from([0x0a, idDigits]), Buffer.from(userIdOf(0))]);
  if (dialect === 'connect-proto') return message;
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

/** An HPACK string without Huffman (RFC 7541, section 5.2). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const length = rest < 128 ? [127, rest] : [127, (rest & 0x7f) | 0x80, rest >> 7];
  return Buffer.concat([Buffer.from(length), bytes]);
}
