import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { headersOf } from './headers.ts';
import type { Method, StreamOptions } from './method.ts';
import { proxyFor } from './proxy.ts';
import { CallFailed } from './status.ts';
import type { RemoteTarget } from './target.ts';

/** Streams of a server, as gRPC over HTTP/2. */
export interface Streams {
  /** Messages until the signal, or until it fails with CallFailed; there is no deadline. */
  open<Request, Message>(
    method: Method<Request, Message>,
    request: Request,
    options: StreamOptions,
  ): AsyncIterable<Message>;
  close(): void;
}

/** All over one connection. */
export function openStreams(target: RemoteTarget, userAgent: string): Streams {
  const { url } = target;
  const isTls = url.protocol === 'https:';
  const address = `dns:${url.hostname}:${url.port || (isTls ? 443 : 80)}`;
  const secure = isTls ? tlsCredentials(target) : credentials.createInsecure();
  // What fails is told by the command, in one sentence.
  setLogVerbosity(logVerbosity.NONE);
  const client = new Client(address, secure, optionsOf(target, userAgent));
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headersOf(target))) metadata.set(name, value);
  return {
    open({ path, requestSerialize, responseDeserialize }, request, { signal, onOpen }) {
      const stream = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
      );
      return messagesOf(stream.once('metadata', onOpen), signal);
    },
    close: () => client.close(),
  };
}

async function* messagesOf<Message>(
  messages: ClientReadableStream<Message>,
  signal: AbortSignal,
): AsyncGenerator<Message, void, undefined> {
  const cancel = () => messages.cancel();
  signal.addEventListener('abort', cancel);
  try {
    if (!signal.aborted) yield* messages;
  } catch (error) {
    if (!signal.aborted) throw isServiceError(error) ? callFailed(error) : error;
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && 'metadata' in thrown && 'details' in thrown;
}

function callFailed({ code, details, metadata }: ServiceError): CallFailed {
  const [sent] = metadata.get('grpc-status-details-bin');
  return new CallFailed({ code, details, sent: Buffer.isBuffer(sent) ? sent : undefined });
}

function optionsOf({ url, proxy }: RemoteTarget, userAgent: string): Partial<ClientOptions> {
  return {
    ...(url.protocol === 'https:' && isAddress(url) && { 'grpc.ssl_target_name_override': 'localhost' }),
    'grpc.primary_user_agent': userAgent,
    'grpc.enable_http_proxy': proxyFor(url, proxy) === undefined ? 0 : 1,
  };
}

const isAddress = ({ hostname }: URL): boolean => isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;

// An address is no server name (RFC 6066, section 3): another name is sent, and the address is what must be certified.
function tlsCredentials({ url, ca }: RemoteTarget): ChannelCredentials {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const checks = {
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  };
  return credentials.createSsl(ca ?? null, null, null, isAddress(url) ? checks : {});
}
