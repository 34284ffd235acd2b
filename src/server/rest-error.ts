import type { Code, ConnectError } from '@connectrpc/connect';

/** A whole HTTP answer for a failed call. */
export interface RestError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The HTTP status of a code, the same for REST and Connect. */
export declare function httpStatusOf(code: Code): number;

/** The error as `google.rpc.Status` JSON, with its HTTP status and headers (content-type, www-authenticate). */
export declare function statusBody(error: ConnectError): RestError;
