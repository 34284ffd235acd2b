import type { ConnectError } from '@connectrpc/connect';

/** Names that belong to HTTP or a dialect; no handler and no error sets them. */
const reserved: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connect-accept-encoding',
  'connect-content-encoding',
  'connect-protocol-version',
  'connect-timeout-ms',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-status-details-bin',
  'grpc-timeout',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-request-id',
]);

/** Appends what a handler set, names and values in turn, each name after `prefix`. */
export function appendMetadata(to: string[], from: Headers | undefined, prefix = ''): void {
  from?.forEach((value, name) => {
    if (!reserved.has(name)) to.push(prefix + name, value);
  });
}

/** What the thrower attached to an error. That of an error which came off another wire is not ours to relay. */
export function metadataOf(error: ConnectError): Headers | undefined {
  return error.isWireError ? undefined : error.metadata;
}
