import { type ContextKey, createContextKey } from '@connectrpc/connect';

/**
 * What the desk may know of the bytes that carried a call: enough for the record (who, from where), nothing of HTTP.
 * The server room sets it on every call, in the lane and in the adapter alike.
 */
export interface RequestInfo {
  /** Answered as `x-request-id` and written into every event of the call. */
  readonly requestId: string;
  /** The client's IP address; a forwarded one only where a configured proxy named it. */
  readonly remoteAddress: string;
  /** Host and port that the client asked for. */
  readonly authority: string;
  /** A request header by its lower-case name; repeated ones joined by ", ". */
  header(name: string): string | undefined;
  /** It came with a valid token of this organization, or subject: who is at the other end of the connection is no stranger. */
  prove(owner: string): void;
  /** Its token is not valid, or not any more. */
  doubt(): void;
  /** Ends the call at once, whatever was answered: its place is another's now. */
  end(): void;
}

/** Whether the message came so much later than its headers that who sent it may have lost their rights meanwhile. */
export const hasWaitedKey: ContextKey<boolean> = createContextKey(false, { description: 'has waited' });

const nowhere: RequestInfo = {
  requestId: '',
  remoteAddress: '',
  authority: '',
  header: () => undefined,
  prove: () => undefined,
  doubt: () => undefined,
  end: () => undefined,
};

/** Handlers read it as `context.values.get(requestInfoKey)`. */
export const requestInfoKey: ContextKey<RequestInfo> = createContextKey(nowhere, {
  description: 'request info',
});
