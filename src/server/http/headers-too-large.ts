import type { Reply } from './exchange.ts';

/** The answer to headers beyond the limit (RFC 6585, section 5): what goes on beyond it was not read. */
export function headersTooLarge(bytesMax: number): Reply {
  return {
    status: 431,
    headers: ['content-type', 'text/plain; charset=utf-8'],
    body: Buffer.from(`the request's headers are larger than ${bytesMax} bytes\n`),
    trailers: undefined,
  };
}
