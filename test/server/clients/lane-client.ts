import type { HttpVersion, WireAnswer, WireHeaders } from '../../support/wire.ts';
import { dialects, envelope, protoRequest } from '../dialect-cases.ts';
import type { OpenLane } from '../doors/open-lane.ts';

/** Where UnlockUser is. */
export const rpc = '/zitadel.user.v2.UserService/UnlockUser';

/** How a call is sent, where not as gRPC over HTTP/2. */
export interface Sent {
  readonly to?: OpenLane;
  readonly version?: HttpVersion;
  readonly type?: string;
  readonly headers?: WireHeaders;
  readonly path?: string;
}

export function sendTo(lane: OpenLane, body: Uint8Array, sent: Omit<Sent, 'to'>): Promise<WireAnswer> {
  const { version = 2, type = 'application/grpc', headers = {}, path = rpc } = sent;
  const all = { 'content-type': type, ...headers };
  return lane.wire.send({ version, verb: 'POST', path, headers: all, body });
}

/** The code of an answer, as its dialect writes it. */
export function codeOf(answer: WireAnswer, type = 'application/grpc'): string {
  return dialects.find(({ contentType }) => contentType === type)?.read(answer).code ?? '';
}

/** A call of UnlockUser as gRPC writes it. */
export const grpc = (userId: string): Buffer => envelope(protoRequest(userId));
