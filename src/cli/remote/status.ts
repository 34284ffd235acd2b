/** The numbers of gRPC's status codes. */
export const status = {
  OK: 0,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** A call that the server refused, or that reached none: then the code is this side's own. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  /** Of gRPC; one that nobody knows too. */
  readonly code: number;
  /** Text of whoever refused. */
  readonly details: string;
  /** `google.rpc.Status` as it was sent, unread. */
  readonly sent: Buffer | undefined;

  constructor({ code, details, sent }: { code: number; details: string; sent?: Buffer | undefined }) {
    super(details);
    this.code = code;
    this.details = details;
    this.sent = sent;
  }
}
