import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Door } from '../../src/server/door.ts';

/** More than the buffers of both kernels hold, so that a client that does not read stops the server. */
export const bigAnswer = Buffer.alloc(32 * 1024 * 1024, 'x');

/**
 * A door that answers `<version> <path> <bytes of body>`. `/held` is answered after `release()`, `/big` with `bigAnswer`.
 */
export class EchoDoor implements Door {
  readonly #events = new EventEmitter().setMaxListeners(0);
  /** Requests that reached the door, and of those the HTTP/2 streams that closed. */
  seen = 0;
  closed = 0;

  handleRequest: Door['handleRequest'] = (req, res) => {
    this.#take(req, req.url ?? '').then(
      (answer) => res.end(answer === bigAnswer ? answer : `h1 ${answer}`),
      () => res.destroy(),
    );
  };

  handleStream: Door['handleStream'] = (stream, headers) => {
    stream.on('close', () => {
      this.closed += 1;
    });
    this.#take(stream, String(headers[':path'])).then(
      (answer) => {
        if (stream.closed) return;
        stream.respond({ ':status': 200 });
        stream.end(answer === bigAnswer ? answer : `h2 ${answer}`);
      },
      () => stream.close(),
    );
  };

  /** Resolves once this many requests in all have reached the door. */
  async seenAtLeast(requests: number): Promise<void> {
    while (this.seen < requests) await once(this.#events, 'seen');
  }

  release(): void {
    this.#events.emit('release');
  }

  async #take(body: IncomingMessage | ServerHttp2Stream, path: string): Promise<string | Buffer> {
    let bytes = 0;
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const ended = once(body, 'end');
    const released = path === '/held' ? once(this.#events, 'release') : undefined;
    this.seen += 1;
    this.#events.emit('seen');
    await ended;
    await released;
    return path === '/big' ? bigAnswer : `${path} ${bytes}`;
  }
}
