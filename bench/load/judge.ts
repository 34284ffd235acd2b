import type { Dialect } from './request.ts';

/** What an answer is judged by: HTTP status, gRPC status and the body. */
export interface Judged {
  readonly status: string;
  readonly grpcStatus: string;
  readonly grpcMessage: string;
  readonly length: number;
  readonly body: Buffer;
}

const envelopeBytes = 5;
const textMax = 200;

/** `undefined` where the answer says that the unlock succeeded and carries a message that is not empty; else why not. */
export function judge(dialect: Dialect, answer: Judged): string | undefined {
  if (answer.status !== '200') return `HTTP ${answer.status} ${bodyText(answer)}`.trimEnd();
  switch (dialect) {
    case 'grpc':
      if (answer.grpcStatus !== '0') return `grpc-status ${answer.grpcStatus} ${answer.grpcMessage}`;
      return hasMessage(answer) ? undefined : 'no message';
    case 'grpc-web':
      return judgeGrpcWeb(answer);
    case 'connect-proto':
    case 'connect-json':
    case 'rest':
      return answer.length > 2 ? undefined : 'an empty answer';
  }
  return dialect satisfies never;
}

function hasMessage({ body, length }: Judged): boolean {
  return length > envelopeBytes && length === envelopeBytes + body.readUInt32BE(1);
}

/** A message and then a frame 0x80 with the trailers; an error may come as trailers alone, in frame or header. */
function judgeGrpcWeb(answer: Judged): string | undefined {
  if (answer.grpcStatus !== '' && answer.grpcStatus !== '0') {
    return `grpc-status ${answer.grpcStatus} ${answer.grpcMessage}`;
  }
  if (answer.length < envelopeBytes) return 'no message';
  const messageEnd = envelopeBytes + answer.body.readUInt32BE(1);
  if (answer.body[0] === 0 && messageEnd > envelopeBytes && answer.body[messageEnd] === 0x80) {
    const trailers = answer.body.toString('latin1', messageEnd + envelopeBytes, answer.length);
    if (/^grpc-status: ?0\r?$/m.test(trailers)) return undefined;
    return trailers;
  }
  return bodyText(answer);
}

function bodyText({ body, length }: Judged): string {
  return body.toString('latin1', 0, Math.min(length, textMax));
}
