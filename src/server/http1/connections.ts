import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Account, costBytes } from '../http/admission.ts';
import type { Connections } from '../http/connections.ts';
import { type ListenerLimits, sweepIntervalMs } from '../http/listener-limits.ts';
import { Taking, takenBytesOf } from '../http/taking.ts';
import { refuseRequest } from './refuse-request.ts';
import { stopParsing } from './stop-parsing.ts';

/** What takes the requests of HTTP/1.1. */
export interface RequestDoor {
  /** Takes one HTTP/1.1 request. Never throws. */
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
}

interface Connection {
  /** The newest response; an older one of a pipelining client ends before it. */
  response: ServerResponse | undefined;
  /** Requests that are not answered yet: more than one where the client pipelines. */
  unanswered: number;
  /** When it was last done with one, by performance.now(). */
  answeredAtMs: number;
  /** A request of it was turned away, and it ends with that answer: what came after is not looked at. */
  isRefused: boolean;
  readonly account: Account;
  /** What of its answers the client had not taken, when a sweep last looked. */
  unsentBytes: number;
  readonly taking: Taking;
}

// As many as a client of HTTP/2 may have before it knows better; one that has shown no token and asks for more is a flood.
const strangersPipelinedMax = 100;

/** HTTP/1.1 on sockets that others accepted, with the limits of the listener; `count` hears of refusals by name. */
export function createHttp1Connections(
  door: RequestDoor,
  limits: ListenerLimits,
  count: (refusal: string) => void,
): Connections {
  const connections = new Map<Socket, Connection>();
  let isDraining = false;
  const server = createHttp1Server(limits, count);

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const connection = connections.get(req.socket);
    // The parser goes on through what it has read of a connection that was just cut.
    if (connection === undefined || connection.isRefused || req.socket.destroyed) stopParsing(req.socket);
    else if (connection.unanswered >= limits.streamsMax) {
      count('http1Pipelined');
      stopParsing(req.socket);
      req.socket.destroy();
    } else {
      if (isDraining) res.shouldKeepAlive = false;
      takeRequest(door, connection, req, res);
    }
  };
  // Who reads the body asks for it (100 Continue): the door may know before that it refuses the call.
  for (const event of ['request', 'checkContinue']) server.on(event, onRequest);

  // Fires where a connection is idle between requests. A call that the door still works on is not: its limit is the
  // door's deadline.
  server.on('timeout', (socket) => {
    if (isWorking(socket, connections.get(socket)?.response)) socket.setTimeout(limits.idleTimeoutMs);
    else socket.destroy();
  });

  return {
    accept(socket, account) {
      if (!account.take(costBytes.http1)) return void socket.destroy();
      connections.set(socket, openConnection(socket, account));
      socket.on('close', () => connections.delete(socket));
      server.emit('connection', socket);
      // Node's native reading of TLS records fails with HPE_PAUSED where a body follows its headers in another record
      // while the parser is paused; a listener for 'data' makes it read through the stream, which waits.
      if ('encrypted' in socket) socket.on('data', readThroughStream);
    },
    sweep(nowMs) {
      const look = { nowMs, limits, count };
      for (const [socket, connection] of connections) sweepConnection(socket, connection, look);
    },
    drain() {
      isDraining = true;
      for (const [socket, connection] of connections) endAfterResponse(socket, connection);
    },
    close() {
      server.close();
    },
  };
}

function takeRequest(
  door: RequestDoor,
  connection: Connection,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { account, unanswered } = connection;
  const hasPlace = account.isProven || unanswered < strangersPipelinedMax;
  if (!hasPlace || !addResponse(connection, res)) {
    connection.isRefused = true;
    stopParsing(req.socket);
    refuseRequest(res, 503, 'too many requests at once, please try again');
  } else door.handleRequest(req, res);
}

/**
 * Counts a request until it is answered, where there is room for it: one read of a socket may hold thousands, and handed
 * on all at once they would hold up everybody else.
 */
function addResponse(connection: Connection, res: ServerResponse): boolean {
  if (!connection.account.take(costBytes.request)) return false;
  connection.response = res;
  connection.unanswered += 1;
  res.on('close', () => {
    connection.unanswered -= 1;
    connection.answeredAtMs = performance.now();
    connection.account.give(costBytes.request);
  });
  return true;
}

const unreadable: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** As Node does where nobody listens, and with a date, which RFC 9110 §6.6.1 wants of every 4xx. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, reason] = unreadable[error.code ?? ''] ?? [400, 'Bad Request'];
  // RFC 9112 §9.6: what comes after "close" is not read, and spoils nothing.
  if (error.code === 'HPE_CLOSED_CONNECTION') return;
  // In the middle of an answer nothing can be said; `_httpMessage` is where Node keeps that answer.
  const { _httpMessage: response }: Duplex & { _httpMessage?: ServerResponse | null } = socket;
  // RFC 9112 §9.3.2: a request that came whole before is answered before.
  if (response?.req.complete === true && !response.writableFinished) {
    response.once('close', () => refuseUnreadable(error, socket));
    return;
  }
  if (!socket.writable || response?.headersSent) socket.destroy();
  else socket.end(bareAnswer(status, reason), () => socket.destroy());
}

function bareAnswer(status: number, reason: string): string {
  const date = new Date().toUTCString();
  return `HTTP/1.1 ${status} ${reason}\r\ndate: ${date}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
}

function isWorking(socket: Socket, response: ServerResponse | undefined): boolean {
  return response !== undefined && !response.writableEnded && socket.writableLength === 0;
}

interface Look {
  readonly nowMs: number;
  readonly limits: ListenerLimits;
  readonly count: (refusal: string) => void;
}

function sweepConnection(socket: Socket, connection: Connection, { nowMs, limits, count }: Look): void {
  // Only lets go of memory: a finished response would otherwise live as long as its idle connection.
  if (connection.response?.writableFinished) connection.response = undefined;
  if (!countUnsent(socket, connection)) cut(socket, connection);
  const state = { waits: socket.writableLength > 0, takenBytes: takenBytesOf(socket) };
  if (!connection.taking.isStalled(nowMs, state, limits.stallTimeoutMs)) return;
  count('http1Stalled');
  socket.destroy();
}

function openConnection(socket: Socket, account: Account): Connection {
  const connection: Connection = {
    response: undefined,
    unanswered: 0,
    answeredAtMs: Number.NEGATIVE_INFINITY,
    isRefused: false,
    account,
    unsentBytes: 0,
    taking: new Taking(),
  };
  account.cut = () => cut(socket, connection);
  return connection;
}

/** Whether there is room for what the client has not taken. */
function countUnsent({ writableLength }: Socket, connection: Connection): boolean {
  const { account, unsentBytes } = connection;
  if (writableLength > unsentBytes && !account.take(writableLength - unsentBytes)) return false;
  if (writableLength < unsentBytes) account.give(unsentBytes - writableLength);
  connection.unsentBytes = writableLength;
  return true;
}

/** Ends a connection whose place another one takes: whoever waits for an answer is told to come back. */
function cut(socket: Socket, { response }: Connection): void {
  if (response !== undefined && !response.headersSent) refuseRequest(response, 429, 'too many connections');
  socket.destroy();
}

function readThroughStream(): void {
  // Node's own listener takes the data.
}

function createHttp1Server(limits: ListenerLimits, count: (refusal: string) => void): Server {
  const server = createServer({
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: sweepIntervalMs(limits),
    maxHeaderSize: limits.headerBytesMax,
  });
  server.timeout = limits.idleTimeoutMs;
  // RFC 9110 §9.3.6: this is no proxy. Node would hang up without a word.
  server.on('connect', (_req, socket) => socket.end(bareAnswer(501, 'Not Implemented')));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW') count('headersTooLarge');
    refuseUnreadable(error, socket);
  });
  // This server never listens, and Node starts the check of both timeouts on 'listening' alone.
  server.emit('listening');
  return server;
}

/** So long a request that was on its way when the server began to drain has to arrive. */
const onTheWayMs = 100;

// RFC 9112 §9.6: whoever has just been answered may be sending already, and would lose the call with the connection. Its
// answer says that the connection ends.
function endUnlessAsked(socket: Socket, connection: Connection): void {
  const isQuiet = performance.now() - connection.answeredAtMs > 1_000;
  const end = (): void => {
    if (connection.response?.writableFinished !== false) socket.destroySoon();
  };
  if (isQuiet) end();
  // A process that stood still reads what came meanwhile first: timers go before reading, this comes after it.
  else setTimeout(() => setImmediate(end), onTheWayMs).unref();
}

// Not server.closeIdleConnections(): it also destroys a connection whose answer is written but not yet taken.
function endAfterResponse(socket: Socket, connection: Connection): void {
  const { response } = connection;
  if (response === undefined || response.writableFinished) {
    endUnlessAsked(socket, connection);
    return;
  }
  if (!response.headersSent) response.shouldKeepAlive = false;
  response.once('close', () => {
    if (connection.response === response) socket.destroySoon();
  });
}
