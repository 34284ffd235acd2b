import { pick } from '../../support/random.ts';
import type { RawStream } from '../rfc/raw.ts';

/** A request put together by chance, and the names of what it is made of. */
export interface Generated<Sent> {
  readonly features: readonly string[];
  readonly sent: Sent;
}

type Choices<Value> = Readonly<Record<string, Value>>;

function choose<Value>(
  random: () => number,
  kind: string,
  choices: Choices<Value>,
): [feature: string, value: Value] {
  const [name, value] = pick(random, Object.entries(choices));
  return [`${kind} ${name}`, value];
}

// Most parts are as they should be: a request in which all is wrong tells nothing.
const mostly = <Value>(name: string, value: Value, times: number): Choices<Value> =>
  Object.fromEntries(Array.from({ length: times }, (_, nth) => [`${name}${' '.repeat(nth)}`, value]));

const http1Parts = {
  verb: {
    ...mostly('plain', 'POST', 6),
    'in lower case': 'post',
    PRI: 'PRI',
    unknown: 'FOO',
  },
  target: {
    ...mostly('path', '/v2/users', 6),
    absolute: 'http://x.example/v2/users',
    'with query': '/v2/users?a=b',
    'with blank': '/v2/us ers',
    'without slash': 'v2/users',
    'with NUL': '/a\0b',
    'with percent': '/%zz',
  },
  version: {
    ...mostly('1.1', 'HTTP/1.1', 6),
    '1.0': 'HTTP/1.0',
    '2.0': 'HTTP/2.0',
    '1.2': 'HTTP/1.2',
    odd: 'HTTX/1.1',
  },
  host: {
    ...mostly('one', 'Host: x.example\n', 8),
    none: '',
    two: 'Host: x.example\nHost: x.example\n',
    empty: 'Host:\n',
    broken: 'Host: a b/c?\n',
    'with user': 'Host: a@x.example\n',
    'with port': 'Host: x.example:80\n',
  },
  framing: {
    ...mostly('length', 'Content-Length: 2\n\n{}', 4),
    none: '\n',
    'length twice the same': 'Content-Length: 2\nContent-Length: 2\n\n{}',
    'lengths that differ': 'Content-Length: 2\nContent-Length: 3\n\n{}',
    'length +2': 'Content-Length: +2\n\n{}',
    'length in a list': 'Content-Length: 2, 2\n\n{}',
    'length empty': 'Content-Length:\n\n',
    chunked: 'Transfer-Encoding: chunked\n\n2\n{}\n0\n\n',
    'chunked with extension': 'Transfer-Encoding: chunked\n\n2;a=b\n{}\n0\n\n',
    'chunked with trailer': 'Transfer-Encoding: chunked\n\n2\n{}\n0\nX-Tail: y\n\n',
    'chunked in capitals': 'Transfer-Encoding: CHUNKED\n\n2\n{}\n0\n\n',
    'chunk size broken': 'Transfer-Encoding: chunked\n\ng\n{}\n0\n\n',
    'chunk too long': 'Transfer-Encoding: chunked\n\n1\n{}\n0\n\n',
    'chunked beside length': 'Content-Length: 2\nTransfer-Encoding: chunked\n\n0\n\n',
    'chunked before gzip': 'Transfer-Encoding: chunked, gzip\n\n0\n\n',
    'gzip alone': 'Transfer-Encoding: gzip\n\n0\n\n',
  },
  field: {
    ...mostly('plain', 'X-A: b\n', 6),
    'blank before colon': 'X-A : b\n',
    folded: 'X-A: b\n c\n',
    'with NUL': 'X-A: a\0b\n',
    'with bare CR': 'X-A: a\rb\n',
    'without colon': 'X-A\n',
    'without name': ': b\n',
    'with odd name': 'X(A): b\n',
    'with high bytes': 'X-A: \xe4\xff\n',
    'connection close': 'Connection: close\n',
    'upgrade h2c': 'Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk\n',
    'expect something': 'Expect: a-cake\n',
    'expect 100': 'Expect: 100-continue\n',
  },
} satisfies Readonly<Record<string, Choices<string>>>;

/** A request of HTTP/1.1, and a plain one after it that shows whether the first one's end was found. */
export function generateHttp1(random: () => number, token: string): Generated<string> {
  const [verbName, verb] = choose(random, 'verb', http1Parts.verb);
  const [targetName, target] = choose(random, 'target', http1Parts.target);
  const [versionName, version] = choose(random, 'version', http1Parts.version);
  const [hostName, host] = choose(random, 'host', http1Parts.host);
  const [fieldName, field] = choose(random, 'field', http1Parts.field);
  const [framingName, framing] = choose(random, 'framing', http1Parts.framing);
  const sent = `${verb} ${target} ${version}\n${host}Authorization: Bearer ${token}\n${field}${framing}GET /healthz HTTP/1.1\nHost: x.example\n\n`;
  const features = [verbName, targetName, versionName, hostName, fieldName, framingName].map((name) =>
    name.trim(),
  );
  return { features, sent: sent.replaceAll('\n', '\r\n') };
}

type Pairs = RawStream['fields'];

const http2Parts = {
  verb: {
    ...mostly('plain', [[':method', 'POST']], 6),
    none: [],
    twice: [
      [':method', 'POST'],
      [':method', 'POST'],
    ],
    'with blank': [[':method', 'PO ST']],
    'in lower case': [[':method', 'post']],
  },
  scheme: { ...mostly('plain', [[':scheme', 'http']], 8), none: [], https: [[':scheme', 'https']] },
  path: {
    ...mostly('plain', [[':path', '/v2/users']], 6),
    none: [],
    empty: [[':path', '']],
    asterisk: [[':path', '*']],
    'without slash': [[':path', 'v2/users']],
    'with blank': [[':path', '/a b']],
  },
  authority: {
    ...mostly('plain', [[':authority', 'x.example']], 8),
    none: [],
    empty: [[':authority', '']],
    'with user': [[':authority', 'a@x.example']],
    broken: [[':authority', 'a b']],
  },
  field: {
    ...mostly('plain', [['x-a', 'b']], 5),
    'in capitals': [['X-A', 'b']],
    'with blank in name': [['x a', 'b']],
    'without name': [['', 'b']],
    'with NUL': [['x-a', 'a\0b']],
    'with LF': [['x-a', 'a\nb']],
    'with blank around': [['x-a', ' b']],
    connection: [['connection', 'close']],
    'transfer-encoding': [['transfer-encoding', 'chunked']],
    'te gzip': [['te', 'gzip']],
    'te trailers': [['te', 'trailers']],
    'pseudo unknown': [[':own', 'a']],
    'pseudo of answers': [[':status', '200']],
    'host the same': [['host', 'x.example']],
    'host another': [['host', 'other.example']],
    'hosts two': [
      ['host', 'x.example'],
      ['host', 'x.example'],
    ],
    'expect 100': [['expect', '100-continue']],
  },
  order: { ...mostly('plain', 'first', 8), 'pseudo late': 'last' },
  body: {
    ...mostly('plain', { data: ['{}'] }, 4),
    none: {},
    'in pieces': { data: ['{', '}'] },
    empty: { data: [''] },
    'with trailers': { data: ['{}'], trailers: [['x-tail', 'y']] },
    'pseudo in trailers': { data: ['{}'], trailers: [[':path', '/']] },
  },
  length: {
    ...mostly('plain', [], 5),
    right: [['content-length', '2']],
    short: [['content-length', '1']],
    long: [['content-length', '3']],
    'no number': [['content-length', '+2']],
  },
} as const;

/** A request of HTTP/2 on a connection of its own. */
export function generateHttp2(random: () => number, token: string): Generated<RawStream> {
  const features: string[] = [];
  const part = <Value>(kind: string, choices: Choices<Value>): Value => {
    const [feature, value] = choose(random, kind, choices);
    features.push(feature.trim());
    return value;
  };
  const { verb, scheme, path, authority, field, order, body, length } = http2Parts;
  const pseudo: Pairs = [
    ...part('verb', verb),
    ...part('scheme', scheme),
    ...part('path', path),
    ...part('authority', authority),
  ];
  const authorization: Pairs = [['authorization', `Bearer ${token}`]];
  const own: Pairs = [...authorization, ...part('field', field), ...part('length', length)];
  const fields =
    part<string>('order', order) === 'first'
      ? [...pseudo, ...own]
      : [...pseudo.slice(0, -1), ...own, ...pseudo.slice(-1)];
  return { features, sent: { fields, ...(part('body', body) as Pick<RawStream, 'data' | 'trailers'>) } };
}
