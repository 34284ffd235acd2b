import { EventEmitter, once } from 'node:events';
import { errorCode } from '../../../src/server/http2/frame.ts';
import type { Door } from '../../../src/server/port/listener.ts';

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

  handleStream: Door['handleStream'] = (stream) => {
    const body = new EventEmitter();
    stream.read({
      onData(chunk) {
        body.emit('data', chunk);
        stream.giveBack(chunk.length);
      },
      onEnd: () => body.emit('end'),
      onDrained: () => undefined,
      onClosed: () => {
        this.closed += 1;
      },
    });
    this.#take(body, stream.head.path).then(
      (answer) => {
        const bytes = answer === bigAnswer ? bigAnswer : Buffer.from(`h2 ${answer}`);
        stream.answer({ status: 200, headers: [], body: bytes, trailers: undefined });
      },
      () => stream.reset(errorCode.cancel),
    );
  };

  /** Resolves once this many requests in all have reached the door. */
  async seenAtLeast(requests: number): Promise<void> {
    while (this.seen < requests) await once(this.#events, 'seen');
  }

  release(): void {
    this.#events.emit('release');
  }

  async #take(body: EventEmitter, path: string): Promise<string | Buffer> {
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
