import { readVersion } from '../../app/version.ts';
import { remoteError } from './error.ts';
import { foreign, frame, messageOf } from './frames.ts';
import { headersOf } from './headers.ts';
import type { Method, StreamOptions } from './method.ts';
import { openPoster, type Poster } from './post.ts';
import type { RemoteTarget } from './target.ts';

/** A server. Failures are CliErrors. */
export interface Connection {
  call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response>;
  /** Messages until the signal; there is no deadline. */
  stream<Request, Message>(
    method: Method<Request, Message>,
    request: Request,
    options: StreamOptions,
  ): AsyncIterable<Message>;
  close(): Promise<void>;
}

/**
 * Calls go as gRPC-Web over HTTP/1.1, which Node has loaded in a third of the time that HTTP/2 takes; streams as gRPC, whose
 * client is loaded by the first of them.
 */
export function connect(target: RemoteTarget): Connection {
  const agent = `latchkey-cli/${readVersion()}`;
  let poster: Promise<Poster> | undefined;
  let streams: Promise<import('./stream.ts').Streams> | undefined;
  const openStreams = async () => (await import('./stream.ts')).openStreams(target, agent);
  const headers = { ...headersOf(target), 'user-agent': agent };
  return {
    async call(method, request) {
      try {
        poster ??= openPoster(target);
        return await callOnce(await poster, { method, request, headers, timeoutMs: target.timeoutMs });
      } catch (error) {
        throw remoteError(error, target);
      }
    },
    async *stream(method, request, options) {
      try {
        streams ??= openStreams();
        yield* (await streams).open(method, request, options);
      } catch (error) {
        if (!options.signal.aborted) throw remoteError(error, target);
      }
    },
    async close() {
      // What could not be opened was told by the call.
      for (const opened of await Promise.allSettled([poster, streams])) {
        if (opened.status === 'fulfilled') opened.value?.close();
      }
    },
  };
}

interface Call<Request, Response> {
  readonly method: Method<Request, Response>;
  readonly request: Request;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

async function callOnce<Request, Response>(
  poster: Poster,
  { method, request, headers, timeoutMs }: Call<Request, Response>,
): Promise<Response> {
  const body = frame(method.requestSerialize(request));
  const answer = await poster.post({
    ...{ path: method.path, body, timeoutMs },
    headers: {
      ...headers,
      'content-type': 'application/grpc-web+proto',
      'content-length': String(body.length),
      'grpc-timeout': `${timeoutMs}m`,
      'grpc-accept-encoding': 'identity',
      'x-grpc-web': '1',
    },
  });
  const message = messageOf(answer, answer.headers);
  try {
    return method.responseDeserialize(message);
  } catch (error) {
    throw foreign(`a message that is none (${String(error)})`);
  }
}
