import { Code, ConnectError } from '@connectrpc/connect';

/** What was sent is no such message. */
export const invalid = (text: string, cause?: unknown): ConnectError =>
  new ConnectError(text, Code.InvalidArgument, undefined, undefined, cause);
