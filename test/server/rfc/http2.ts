import { frame } from '../clients/clients.ts';
import { block, type RawStream } from './raw.ts';
import type { Comes, Requirement } from './requirement.ts';
import { bad, unlock } from './sent.ts';

const base = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'x.example'],
  [':path', unlock],
] as const;
type Pairs = RawStream['fields'];
const with2 = (...more: Pairs): RawStream => ({ fields: [...base, ...more] });
const without = (name: string, ...more: Pairs): RawStream => ({
  fields: [...base.filter(([one]) => one !== name), ...more],
});
const changed = (name: string, value: string): RawStream => ({
  fields: base.map(([one, was]) => [one, one === name ? value : was] as const),
});
const malformed: Comes = { reset: 'protocolError' };
const rawFrame = (type: number, payload: Buffer, flags = 0, stream = 1): RawStream => ({
  fields: [],
  frames: frame({ type, flags, stream, payload }),
});

const noNames = ['X-A', 'x a', 'x\x7f', 'x\xe9', 'x:y', ''].map((name) => [name, 'b'] as const);
const ofConnection = [
  ['connection', 'close'],
  ['keep-alive', '1'],
  ['proxy-connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'h2c'],
  ['te', 'gzip'],
] as const;

/** RFC 9113, HTTP/2, and RFC 9110 as it carries it. */
// biome-ignore format: one line a requirement
export const http2Requirements: readonly Requirement[] = [
  { section: 'RFC 9113 §4.1', must: 'frames of types that are not known are ignored', sent: { fields: [], frames: Buffer.concat([frame({ type: 0xfa, stream: 1, payload: Buffer.from('x') }), frame({ type: 1, flags: 5, stream: 1, payload: block(base) })]) }, comes: { status: [401] } },
  { section: 'RFC 9113 §4.2', must: 'a frame larger than was offered is FRAME_SIZE_ERROR', sent: rawFrame(0, Buffer.alloc(16_385)), comes: { goaway: 'frameSizeError' } },
  { section: 'RFC 9113 §4.3', must: 'a header block that cannot be decoded is COMPRESSION_ERROR', sent: rawFrame(1, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 5), comes: { goaway: 'compressionError' } },
  { section: 'RFC 9113 §5.1', must: 'DATA on an idle stream is PROTOCOL_ERROR', sent: rawFrame(0, Buffer.from('x'), 1), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §5.1.1', must: 'a client opens odd streams alone', sent: rawFrame(1, block(base), 5, 2), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §6.2', must: 'HEADERS belong to a stream', sent: rawFrame(1, block(base), 5, 0), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §6.5', must: 'SETTINGS belong to no stream', sent: rawFrame(4, Buffer.alloc(0), 0, 1), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §6.5', must: 'SETTINGS come in sixes', sent: rawFrame(4, Buffer.alloc(5), 0, 0), comes: { goaway: 'frameSizeError' } },
  { section: 'RFC 9113 §6.5', must: 'an acknowledgement is empty', sent: rawFrame(4, Buffer.alloc(6), 1, 0), comes: { goaway: 'frameSizeError' } },
  { section: 'RFC 9113 §6.7', must: 'PING has eight bytes', sent: rawFrame(6, Buffer.alloc(7), 0, 0), comes: { goaway: 'frameSizeError' } },
  { section: 'RFC 9113 §6.9', must: 'a window that grows by nothing is an error', sent: rawFrame(8, Buffer.alloc(4), 0, 0), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §6.10', must: 'CONTINUATION continues something', sent: rawFrame(9, block(base), 4), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §8.4', must: 'a client pushes nothing', sent: rawFrame(5, Buffer.alloc(8), 4), comes: { goaway: 'protocolError' } },
  { section: 'RFC 9113 §8.1', must: 'trailers end the stream', sent: { fields: [], frames: Buffer.concat([frame({ type: 1, flags: 4, stream: 1, payload: block(base) }), frame({ type: 1, flags: 4, stream: 1, payload: block([['x-tail', 'y']]) })]) }, comes: malformed },
  { section: 'RFC 9113 §8.1', must: 'trailers hold no pseudo-header', sent: { fields: base, data: ['{}'], trailers: [[':path', '/']] }, comes: malformed },
  { section: 'RFC 9113 §8.1', must: 'trailers are taken', sent: { fields: base, data: ['{}'], trailers: [['x-tail', 'y']] }, comes: { status: [401] } },
  { section: 'RFC 9110 §6.5.1', must: 'a trailer is not merged into the headers: a token in one signs nobody in', sent: { fields: base, data: ['{}'], trailers: [['authorization', 'Bearer {token}']] }, comes: { status: [401] } },
  { section: 'RFC 9113 §8.1.1', must: 'less content than announced is malformed', sent: { fields: [...base, ['content-length', '3']], data: ['{}'] }, comes: malformed },
  { section: 'RFC 9113 §8.1.1', must: 'more content than announced is malformed', sent: { fields: [...base, ['content-length', '1']], data: ['{}'] }, comes: malformed },
  { section: 'RFC 9113 §8.1.1', must: 'no content where some was announced is malformed', sent: with2(['content-length', '1']), comes: malformed },
  { section: 'RFC 9113 §8.1.1', must: 'two lengths are malformed', sent: { fields: [...base, ['content-length', '2'], ['content-length', '3']], data: ['{}'] }, comes: malformed },
  { section: 'RFC 9110 §8.6', must: 'a length is a number', sent: { fields: [...base, ['content-length', '+2']], data: ['{}'] }, comes: malformed },
  ...noNames.map((pair): Requirement => ({ section: 'RFC 9113 §8.2.1', must: `${JSON.stringify(pair[0])} is no name of a field`, sent: with2(pair), comes: malformed })),
  ...['a\0b', 'a\rb', 'a\nb', ' a', 'a ', '\ta', 'a\t'].map((value): Requirement => ({ section: 'RFC 9113 §8.2.1', must: `${JSON.stringify(value)} is no value of a field`, sent: with2(['x-a', value]), comes: malformed })),
  ...ofConnection.map((pair): Requirement => ({ section: 'RFC 9113 §8.2.2', must: `${pair.join(': ')} is of the connection, which has none here`, sent: with2(pair), comes: malformed })),
  { section: 'RFC 9113 §8.2.2', must: 'te: trailers is taken', sent: with2(['te', 'trailers']), comes: { status: [401] } },
  { section: 'RFC 9113 §8.3', must: 'pseudo-headers come first', sent: { fields: [...base.slice(0, 3), ['x-a', 'b'], ...base.slice(3)] }, comes: malformed },
  ...base.map(([name, value]): Requirement => ({ section: 'RFC 9113 §8.3', must: `${name} comes once`, sent: { fields: [...base, [name, value]] }, comes: malformed })),
  { section: 'RFC 9113 §8.3', must: 'a pseudo-header that is not known is malformed', sent: with2([':own', 'a']), comes: malformed },
  { section: 'RFC 9113 §8.3', must: 'a pseudo-header of answers is malformed in a request', sent: with2([':status', '200']), comes: malformed },
  ...[':method', ':scheme', ':path'].map((name): Requirement => ({ section: 'RFC 9113 §8.3.1', must: `${name} is needed`, sent: without(name), comes: malformed })),
  { section: 'RFC 9113 §8.3.1', must: ':path is not empty', sent: changed(':path', ''), comes: malformed },
  { section: 'RFC 9113 §8.3.1', must: ':path begins with a slash', sent: changed(':path', 'v2'), comes: malformed },
  { section: 'RFC 9113 §8.3.1', must: 'an asterisk is for OPTIONS alone', sent: changed(':path', '*'), comes: malformed },
  { section: 'RFC 9113 §8.3.1', must: ':authority holds no user information', sent: changed(':authority', 'a@x.example'), comes: bad },
  { section: 'RFC 9113 §8.3.1', must: ':authority is a host', sent: changed(':authority', 'a b/c?'), comes: bad },
  { section: 'RFC 9113 §8.3.1', must: 'a Host beside :authority that names another is malformed', sent: with2(['host', 'other.example']), comes: malformed },
  { section: 'RFC 9113 §8.3.1', must: 'a Host beside :authority that names the same is taken, in any letter case', sent: with2(['host', 'X.EXAMPLE']), comes: { status: [401] } },
  { section: 'RFC 9113 §8.3.1', must: 'a Host stands for :authority where that is missing', sent: without(':authority', ['host', 'x.example']), comes: { status: [401] } },
  { section: 'RFC 9110 §7.2', must: 'two Hosts are refused', sent: without(':authority', ['host', 'x.example'], ['host', 'x.example']), comes: bad },
  { section: 'RFC 9110 §7.2', must: 'two Hosts are refused beside :authority', sent: with2(['host', 'x.example'], ['host', 'x.example']), comes: bad },
  { section: 'RFC 9110 §4.2.1', must: 'an empty :authority is refused beside a Host', sent: { fields: [...changed(':authority', '').fields, ['host', 'x.example']] }, comes: bad },
  { section: 'RFC 9110 §4.2.1', must: 'no host at all is refused', sent: without(':authority'), comes: bad },
  { section: 'RFC 9110 §4.2.1', must: 'an empty host is refused', sent: changed(':authority', ''), comes: bad },
  ...['/grpc.health.v1.Health/Watch', '/healthz', '/nowhere', '/zitadel.user.v2.UserService/UnlockUser'].map((path): Requirement => ({ section: 'RFC 9113 §8.3.1', must: `a broken :authority is 400 whatever the path: ${path}`, sent: { fields: [[':method', 'POST'], [':scheme', 'http'], [':authority', '%20'], [':path', path], ['content-type', 'application/grpc']] }, comes: bad })),
  { section: 'RFC 9113 §8.5', must: 'CONNECT has no path', sent: changed(':method', 'CONNECT'), comes: malformed },
  { section: 'RFC 9110 §9.3.6', must: 'CONNECT is answered', sent: { fields: [[':method', 'CONNECT'], [':authority', 'x.example:443']] }, comes: { status: [501] } },
  { section: 'RFC 9110 §9.1', must: 'methods are compared with their letter case', sent: changed(':method', 'post'), comes: { status: [405] } },
  { section: 'RFC 9110 §5.6.2', must: 'a method is a token', sent: changed(':method', 'PO ST'), comes: malformed },
  { section: 'RFC 9110 §9.3.2', must: 'an answer to HEAD has no content, but its length', sent: { fields: [[':method', 'HEAD'], [':scheme', 'http'], [':authority', 'x.example'], [':path', '/healthz']] }, comes: { status: [200], fields: { 'content-length': /^3$/ }, body: /^$/ } },
  { section: 'RFC 9110 §10.1.1', must: '100-continue is answered with 100, where there is something to read', sent: { fields: [...base, ['authorization', 'Bearer {token}'], ['expect', '100-continue']], data: [] }, comes: { status: [100] } },
  { section: 'RFC 9110 §10.1.1', must: 'the expectation is compared without letter case', sent: { fields: [...base, ['authorization', 'Bearer {token}'], ['expect', '100-Continue']], data: [] }, comes: { status: [100] } },
  { section: 'RFC 9110 §10.1.1', must: 'where nothing is to follow nothing is asked for', sent: with2(['expect', '100-continue']), comes: { status: [401] } },
  { section: 'RFC 9110 §10.1.1', must: 'what the headers alone refuse is refused at once', sent: { fields: [[':method', 'GET'], [':scheme', 'http'], [':authority', 'x.example'], [':path', '/nowhere'], ['expect', '100-continue']], data: ['x'] }, comes: { status: [404] } },
  { section: 'RFC 9110 §15.5.6', must: '405 names the methods', sent: changed(':method', 'PUT'), comes: { status: [405], fields: { allow: /^POST$/ } } },
];
