import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { AdminServiceClient } from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import { LockServiceClient } from '../../../gen/grpc-js/latchkey/v1/lock.ts';
import { PolicyServiceClient } from '../../../gen/grpc-js/latchkey/v1/policy.ts';
import { SubscriptionServiceClient } from '../../../gen/grpc-js/latchkey/v1/subscription.ts';
import { UnlockRunServiceClient } from '../../../gen/grpc-js/latchkey/v1/unlock_run.ts';
import { UserServiceClient } from '../../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import { readVersion } from '../../app/version.ts';
import { isLoopback } from '../loopback.ts';
import { remoteError } from './error.ts';
import type { RemoteTarget } from './target.ts';

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Every service over one connection. Failures are CliErrors. */
export function connect(target: RemoteTarget) {
  const { url, timeoutMs } = target;
  const isTls = url.protocol === 'https:';
  const address = `dns:${url.hostname}:${url.port || (isTls ? 443 : 80)}`;
  const secure = isTls ? tlsCredentials(target) : credentials.createInsecure();
  const users = new UserServiceClient(address, secure, {
    ...(isTls && isAddress(url) && { 'grpc.ssl_target_name_override': 'localhost' }),
    'grpc.primary_user_agent': `latchkey-cli/${readVersion()}`,
    // A proxy for the outside world has no way to this machine's own loopback.
    'grpc.enable_http_proxy': isLoopback(url) ? 0 : 1,
  });
  const shared = { channelOverride: users.getChannel() };
  const admin = new AdminServiceClient(address, secure, shared);
  const locks = new LockServiceClient(address, secure, shared);
  const policies = new PolicyServiceClient(address, secure, shared);
  const hooks = new SubscriptionServiceClient(address, secure, shared);
  const runs = new UnlockRunServiceClient(address, secure, shared);
  const metadata = metadataOf(target);
  return {
    users,
    admin,
    locks,
    policies,
    hooks,
    runs,
    call<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> {
      return new Promise((resolve, reject) => {
        method(request, metadata, { deadline: Date.now() + timeoutMs }, (error, response) =>
          error === null ? resolve(response) : reject(remoteError(error, target)),
        );
      });
    },
    /** Messages until the signal; there is no deadline. */
    async *stream<Message>(
      open: (metadata: Metadata) => ClientReadableStream<Message>,
      signal: AbortSignal,
    ): AsyncGenerator<Message, void, undefined> {
      const messages = open(metadata);
      const cancel = () => messages.cancel();
      signal.addEventListener('abort', cancel);
      try {
        if (!signal.aborted) yield* messages;
      } catch (error) {
        if (!signal.aborted) throw remoteError(error, target);
      } finally {
        signal.removeEventListener('abort', cancel);
        cancel();
      }
    },
    close: () => users.close(),
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

function metadataOf({ token, reason }: RemoteTarget): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  if (reason !== undefined) metadata.set('latchkey-reason', encodeURIComponent(reason));
  return metadata;
}
