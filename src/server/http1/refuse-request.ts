import type { ServerResponse } from 'node:http';

/** Turns a request away unheard, and closes its connection: there is no room, but there may be soon. */
export function refuseRequest(res: ServerResponse, status: 429 | 503, reason: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1', connection: 'close' };
  res.writeHead(status, headers).end(`${reason}\n`);
}
