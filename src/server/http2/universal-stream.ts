import type { IncomingHttpHeaders } from 'node:http';
import { Code, ConnectError, type ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { asHeaders } from '../http/exchange.ts';
import { GrowingBytes } from '../http/growing-bytes.ts';
import { errorCode } from './frame.ts';
import type { Http2Stream, StreamReceiver } from './stream.ts';

interface RequestParts {
  readonly headers: IncomingHttpHeaders;
  readonly verb: string;
  readonly url: string;
  readonly contextValues: ContextValues;
}

/** A stream of HTTP/2 as Connect's own server sees it; neither side gets further ahead than the other's window. */
export class UniversalStream implements StreamReceiver {
  readonly #stream: Http2Stream;
  readonly #abort = new AbortController();
  readonly #received = new GrowingBytes();
  #isEnded = false;
  #gone: ConnectError | undefined;
  #wakeReader: () => void = ignore;
  #wakeWriter: () => void = ignore;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    stream.read(this);
  }

  request({ headers, verb, url, contextValues }: RequestParts): UniversalServerRequest {
    return {
      httpVersion: '2.0',
      method: verb,
      url: new URL(url).toString(),
      header: asHeaders(headers),
      body: this.#body(),
      signal: this.#abort.signal,
      contextValues,
    };
  }

  /** Rejects with ConnectError Aborted where the client is gone. */
  async answer(response: UniversalServerResponse, own: readonly string[]): Promise<void> {
    const { status, header, body } = response;
    const chunks = body?.[Symbol.asyncIterator]();
    try {
      // What comes before the first message may still set headers.
      let next = await chunks?.next();
      this.#stream.sendHead({ status, headers: pairsOf(header), own });
      while (next !== undefined && next.done !== true) {
        await this.#write(next.value);
        next = await chunks?.next();
      }
      const trailers = pairsOf(response.trailer);
      this.#stream.end(trailers.length === 0 ? undefined : trailers);
    } catch (cause) {
      if (this.#gone !== undefined) await chunks?.throw?.(this.#gone).catch(ignore);
      throw this.#gone === undefined ? cause : new ConnectError('the client went away', Code.Aborted);
    } finally {
      await chunks?.return?.().catch(ignore);
    }
  }

  onData(chunk: Buffer): void {
    // All that is not read yet counts; what is read stays within what the call reserved.
    if (!this.#stream.hold(chunk.length)) {
      this.#stream.reset(errorCode.enhanceYourCalm);
      return;
    }
    this.#received.add(chunk);
    this.#wakeReader();
  }

  onEnd(): void {
    this.#isEnded = true;
    this.#wakeReader();
  }

  onDrained(): void {
    this.#wakeWriter();
  }

  onClosed(code: number): void {
    this.#gone = goneBecause(code);
    this.#abort.abort(this.#gone);
    this.#wakeReader();
    this.#wakeWriter();
  }

  async *#body(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#received.length > 0) {
        const bytes = this.#received.take();
        yield bytes;
        this.#stream.hold(-bytes.length);
        this.#stream.giveBack(bytes.length);
      } else if (this.#isEnded) return;
      else if (this.#gone !== undefined) throw this.#gone;
      else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#stream.send(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
      if (this.#stream.isClosed) resolve();
    });
    if (this.#gone !== undefined) throw this.#gone;
  }
}

// As gRPC maps the codes of HTTP/2.
function goneBecause(code: number): ConnectError {
  if (code === errorCode.noError || code === errorCode.cancel) {
    return new ConnectError('the client went away', Code.Canceled);
  }
  const connectCode = code === errorCode.refusedStream ? Code.Unavailable : Code.Internal;
  return new ConnectError(`the stream was reset with code ${code}`, connectCode);
}

function pairsOf(headers: Headers | undefined): string[] {
  const pairs: string[] = [];
  headers?.forEach((value, name) => {
    pairs.push(name, value);
  });
  return pairs;
}

function ignore(): void {
  // Nobody waits, or nobody is left to tell.
}
