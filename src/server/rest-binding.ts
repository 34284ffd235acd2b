import type { Message } from '@bufbuild/protobuf';
import type { Route } from './http-rule.ts';

/** What a REST request carries beside its verb. `query` is the raw text after `?`, or empty. */
export interface RestRequest {
  readonly fields: readonly string[];
  readonly query: string;
  readonly body: Uint8Array;
}

/** The request message: body or query parameters first, then the path, which wins. Throws ConnectError InvalidArgument. */
export declare function bindRequest(route: Route, request: RestRequest): Message;

/** Writes the path's fields over a message that came as an RPC body on a REST URL. Throws ConnectError InvalidArgument. */
export declare function bindPath(message: Message, route: Route, fields: readonly string[]): void;

/** The response as JSON, or the one field of it that `response_body` names. */
export declare function encodeResponse(route: Route, message: Message): Uint8Array;
