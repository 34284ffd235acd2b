/** A call as the generated code describes it. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

export interface StreamOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The server has taken the call. */
  readonly onOpen: () => void;
}
