import type { IncomingMessage } from 'node:http';
import type { Connections } from './connections.ts';
import { type Frames, foreign, frameReader, type Trailers } from './frames.ts';
import { broken, refusalOf } from './not-answered.ts';
import { CallFailed, status } from './status.ts';

const headerBytesMax = 64 * 1024;

export interface Sent {
  readonly url: URL;
  readonly isProxied: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** What came back. */
export interface Answer extends Frames {
  readonly headers: Trailers;
}

/** One request and its answer, within the time and the bounds of `frames.ts`. Throws CallFailed. */
export function exchange(
  connections: Connections,
  { url, isProxied, headers, body, timeoutMs }: Sent,
): Promise<Answer> {
  const { request: send, agent } = connections;
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers, maxHeaderSize: headerBytesMax };
    const sent = send(url, options);
    const fail = (error: CallFailed): void => {
      clearTimeout(timer);
      reject(error);
      sent.destroy();
    };
    const late = new CallFailed({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    const timer = setTimeout(() => fail(late), timeoutMs);
    sent.on('error', (error) => fail(broken(error, isProxied)));
    // Nobody asked for another protocol.
    sent.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(foreign('HTTP status 101'));
    });
    sent.on('response', (response) => {
      const refusal = refusalOf(response, url);
      if (refusal !== undefined) return void refusal.then(fail);
      read(response, fail, (frames) => {
        clearTimeout(timer);
        resolve({ ...frames, headers: response.headers });
      });
    });
    sent.end(body);
  });
}

function read(
  response: IncomingMessage,
  fail: (error: CallFailed) => void,
  done: (frames: Frames) => void,
): void {
  const reader = frameReader();
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (error) {
      fail(error instanceof CallFailed ? error : foreign(String(error)));
    }
  };
  response.on('data', (piece: Buffer) => guarded(() => reader.take(piece)));
  response.on('end', () => guarded(() => done(reader.end())));
  response.on('error', (error) => fail(broken(error, false)));
}
