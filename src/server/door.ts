import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/** What the listener hands requests to: one entry for each HTTP version, both ending in the same handlers. */
export interface Door {
  /** Takes one HTTP/1.1 request. Never throws. */
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  /** Takes one HTTP/2 stream (the stream API, not the compatibility one). Never throws. */
  handleStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}
