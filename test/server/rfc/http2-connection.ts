import { endHeaders, endStream, frame, frameType, preface } from '../clients/clients.ts';
import { block, type RawStream } from './raw.ts';
import type { Comes, Requirement } from './requirement.ts';
import { unlock } from './sent.ts';

const { headers, data, settings, reset, goaway, ping, continuation } = frameType;
const [priority, windowUpdate, padded] = [2, 8, 8];
const head = block([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'x.example'],
  [':path', unlock],
]);
const nothing = Buffer.alloc(0);

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.of(0, id), number(value)]);
const put = (type: number, stream: number, payload: Buffer = nothing, flags = 0): Buffer =>
  frame({ type, flags, stream, payload });
/** A whole request. */
const request = (stream = 1): Buffer => put(headers, stream, head, endHeaders | endStream);
/** One whose body is yet to come. */
const open = (stream = 1): Buffer => put(headers, stream, head, endHeaders);
const sent = (...frames: readonly Buffer[]): RawStream => ({ fields: [], frames: Buffer.concat(frames) });
/** The highest bit of a stream's number, which is nobody's. */
const reserved = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy[5] = (copy[5] ?? 0) | 0x80;
  return copy;
};
const gone = (code: string): Comes => ({ goaway: code });
const ended = (code: string): Comes => ({ reset: code });
const served: Comes = { status: [401] };
const windowMax = 0x7fff_ffff;

/** RFC 9113 of what is no single request: frames, states of streams, settings and windows. */
// biome-ignore format: one line a requirement
export const http2ConnectionRequirements: readonly Requirement[] = [
  { section: 'RFC 9113 §3.4', must: 'SETTINGS come first', sent: { ...sent(put(ping, 0, Buffer.alloc(8)), request()), opening: preface.subarray(0, 24) }, comes: gone('protocolError') },
  { section: 'RFC 9113 §3.4', must: 'SETTINGS of nothing are enough, and the first thing that is answered with', sent: sent(request()), comes: { ...served, frame: /^4:0:0:/ } },
  { section: 'RFC 9113 §4.1', must: 'the reserved bit of a stream is ignored', sent: sent(reserved(request())), comes: served },
  { section: 'RFC 9113 §4.1', must: 'flags that mean nothing are ignored', sent: sent(put(headers, 1, head, endHeaders | endStream | 0xd0 & ~0x20)), comes: served },
  { section: 'RFC 9113 §4.2', must: 'a header block larger than a frame may be is FRAME_SIZE_ERROR of the connection', sent: sent(put(headers, 1, Buffer.alloc(16_385), endHeaders)), comes: gone('frameSizeError') },
  { section: 'RFC 9113 §4.3', must: 'nothing of another stream comes within a header block', sent: sent(put(headers, 1, head, endStream), request(3)), comes: gone('protocolError') },
  { section: 'RFC 9113 §4.3', must: 'nothing of another type comes within a header block', sent: sent(put(headers, 1, head, endStream), put(ping, 0, Buffer.alloc(8))), comes: gone('protocolError') },
  { section: 'RFC 9113 §4.3', must: 'no type that is unknown comes within a header block', sent: sent(put(headers, 1, head, endStream), put(0xfa, 1)), comes: gone('protocolError') },
  { section: 'RFC 9113 §5.1', must: 'WINDOW_UPDATE on an idle stream is PROTOCOL_ERROR', sent: sent(put(windowUpdate, 1, number(1))), comes: gone('protocolError') },
  { section: 'RFC 9113 §5.1', must: 'RST_STREAM on an idle stream is PROTOCOL_ERROR', sent: sent(put(reset, 1, number(8))), comes: gone('protocolError') },
  { section: 'RFC 9113 §5.1', must: 'DATA after the end of a stream is STREAM_CLOSED', sent: sent(open(), put(data, 1, Buffer.from('{'), endStream), put(data, 1, Buffer.from('}'))), comes: { ...ended('streamClosed'), either: gone('streamClosed') } },
  { section: 'RFC 9113 §5.1', must: 'HEADERS after the end of a stream are STREAM_CLOSED', sent: sent(request(), put(headers, 1, block([['x-tail', 'y']]), endHeaders | endStream)), comes: { ...ended('streamClosed'), either: gone('streamClosed') } },
  { section: 'RFC 9113 §5.1', must: 'WINDOW_UPDATE and RST_STREAM are taken on a stream that has ended', sent: sent(request(), put(windowUpdate, 1, number(1)), request(3), put(reset, 3, number(8))), comes: served },
  { section: 'RFC 9113 §5.1', must: 'PRIORITY is taken on any stream, idle ones too', sent: sent(put(priority, 7, Buffer.alloc(5)), request()), comes: served },
  { section: 'RFC 9113 §5.1.1', must: 'numbers of streams rise', sent: sent(request(3), request(1)), comes: { either: gone('streamClosed'), goaway: 'protocolError' } },
  { section: 'RFC 9113 §5.1.1', must: 'a stream that was passed over is closed, and none to begin any more', sent: sent(request(3), put(data, 1, Buffer.from('x'))), comes: { ...ended('streamClosed'), either: gone('streamClosed') } },
  { section: 'RFC 9113 §5.3.2', must: 'PRIORITY of another size is an error of its stream', sent: sent(open(), put(priority, 1, Buffer.alloc(4))), comes: { ...ended('frameSizeError'), either: gone('frameSizeError') } },
  { section: 'RFC 9113 §5.3.2', must: 'PRIORITY belongs to a stream', sent: sent(put(priority, 0, Buffer.alloc(5))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.1', must: 'DATA belong to a stream', sent: sent(put(data, 0, Buffer.from('x'))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.1', must: 'padding as long as DATA is PROTOCOL_ERROR', sent: sent(open(), put(data, 1, Buffer.of(1), padded)), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.1', must: 'padding of DATA is no content', sent: sent(open(), put(data, 1, Buffer.concat([Buffer.of(2), Buffer.from('{}'), Buffer.alloc(2)]), padded | endStream)), comes: served },
  { section: 'RFC 9113 §6.2', must: 'padding as long as HEADERS is PROTOCOL_ERROR', sent: sent(put(headers, 1, Buffer.concat([Buffer.of(head.length), head.subarray(1)]), padded | endHeaders | endStream)), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.2', must: 'padding and priority of HEADERS are no fields', sent: sent(put(headers, 1, Buffer.concat([Buffer.of(3), Buffer.alloc(5), head, Buffer.alloc(3)]), padded | 0x20 | endHeaders | endStream)), comes: served },
  { section: 'RFC 9113 §6.4', must: 'RST_STREAM belongs to a stream', sent: sent(put(reset, 0, number(8))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.4', must: 'RST_STREAM has four bytes', sent: sent(open(), put(reset, 1, Buffer.alloc(3))), comes: gone('frameSizeError') },
  { section: 'RFC 9113 §6.5', must: 'SETTINGS are acknowledged', sent: sent(put(settings, 0, setting(3, 7)), request()), comes: { ...served, frame: /^4:1:0:$/ } },
  { section: 'RFC 9113 §6.5.2', must: 'ENABLE_PUSH is 0 or 1', sent: sent(put(settings, 0, setting(2, 2))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.5.2', must: 'INITIAL_WINDOW_SIZE ends at 2^31 - 1', sent: sent(put(settings, 0, setting(4, windowMax + 1))), comes: gone('flowControlError') },
  { section: 'RFC 9113 §6.5.2', must: 'MAX_FRAME_SIZE begins at 16,384', sent: sent(put(settings, 0, setting(5, 16_383))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.5.2', must: 'MAX_FRAME_SIZE ends at 2^24 - 1', sent: sent(put(settings, 0, setting(5, 16_777_216))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.5.2', must: 'settings that are not known are ignored', sent: sent(put(settings, 0, setting(0xfa, 1)), request()), comes: served },
  { section: 'RFC 9113 §6.7', must: 'PING is answered with what it holds', sent: sent(put(ping, 0, Buffer.from('as it is')), request()), comes: { ...served, frame: new RegExp(`^6:1:0:${Buffer.from('as it is').toString('hex')}$`) } },
  { section: 'RFC 9113 §6.7', must: 'the answer to a PING is not answered', sent: sent(put(ping, 0, Buffer.from('an answe'), 1), request()), comes: { ...served, noFrame: /^6:1:/ } },
  { section: 'RFC 9113 §6.7', must: 'PING belongs to no stream', sent: sent(put(ping, 1, Buffer.alloc(8))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.8', must: 'GOAWAY belongs to no stream', sent: sent(put(goaway, 1, Buffer.alloc(8))), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.9', must: 'WINDOW_UPDATE has four bytes', sent: sent(put(windowUpdate, 0, Buffer.alloc(3))), comes: gone('frameSizeError') },
  { section: 'RFC 9113 §6.9', must: 'a window of a stream that grows by nothing is an error of the stream', sent: sent(open(), put(windowUpdate, 1, number(0))), comes: ended('protocolError') },
  { section: 'RFC 9113 §6.9', must: 'the reserved bit of a window is ignored', sent: sent(put(windowUpdate, 0, number(0x8000_0001)), request()), comes: served },
  { section: 'RFC 9113 §6.9.1', must: 'the window of the connection ends at 2^31 - 1', sent: sent(put(windowUpdate, 0, number(windowMax))), comes: gone('flowControlError') },
  { section: 'RFC 9113 §6.9.1', must: 'the window of a stream ends at 2^31 - 1', sent: sent(open(), put(windowUpdate, 1, number(windowMax))), comes: ended('flowControlError') },
  { section: 'RFC 9113 §6.9.2', must: 'settings that make a window larger than that are FLOW_CONTROL_ERROR', sent: sent(open(), put(windowUpdate, 1, number(windowMax - 65_535)), put(settings, 0, setting(4, 65_536))), comes: gone('flowControlError') },
  { section: 'RFC 9113 §6.10', must: 'CONTINUATION belongs to a stream', sent: sent(put(headers, 1, head, endStream), put(continuation, 0, nothing, endHeaders)), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.10', must: 'CONTINUATION goes on with its own stream', sent: sent(put(headers, 1, head, endStream), put(continuation, 3, nothing, endHeaders)), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.10', must: 'after END_HEADERS nothing is continued', sent: sent(open(), put(continuation, 1, nothing, endHeaders)), comes: gone('protocolError') },
  { section: 'RFC 9113 §6.10', must: 'a block in parts is one block', sent: sent(put(headers, 1, head.subarray(0, 9), endStream), put(continuation, 1, head.subarray(9, 20)), put(continuation, 1, head.subarray(20), endHeaders)), comes: served },
];
