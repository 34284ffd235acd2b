import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, test } from '@jest/globals';
import { ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { ErrorDetailSchema } from '../../gen/es/zitadel/v1/error_detail_pb.js';
import { httpStatusOf, statusBody } from '../../src/server/dialects/rest-error.ts';

function answer(error: ConnectError): { status: number; text: string; challenge: string | undefined } {
  const { status, headers, body } = statusBody(error);
  expect(headers['content-type']).toBe('application/json');
  return { status, text: Buffer.from(body).toString(), challenge: headers['www-authenticate'] };
}

const detail = <Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>) => ({ desc, value });

describe('the HTTP status of a code', () => {
  test.each([
    [Code.Canceled, 499],
    [Code.Unknown, 500],
    [Code.InvalidArgument, 400],
    [Code.DeadlineExceeded, 504],
    [Code.NotFound, 404],
    [Code.AlreadyExists, 409],
    [Code.PermissionDenied, 403],
    [Code.Unauthenticated, 401],
    [Code.ResourceExhausted, 429],
    [Code.FailedPrecondition, 400],
    [Code.Aborted, 409],
    [Code.OutOfRange, 400],
    [Code.Unimplemented, 501],
    [Code.Internal, 500],
    [Code.Unavailable, 503],
    [Code.DataLoss, 500],
  ])('code %d is %d', (code, status) => {
    expect(httpStatusOf(code)).toBe(status);
    expect(answer(new ConnectError('x', code))).toMatchObject({
      status,
      text: `{"code":${code},"message":"x"}`,
    });
  });
});

describe('the body of a failed REST call', () => {
  test('tells the details in their order, each with its type first', () => {
    const id = 'COMMAND-olb9vb0oca';
    const error = new ConnectError(`User is not locked (${id})`, Code.FailedPrecondition, undefined, [
      detail(ErrorDetailSchema, { id, message: 'User is not locked' }),
      detail(ErrorInfoSchema, {
        reason: 'USER_NOT_LOCKED',
        domain: 'latchkey',
        metadata: { state: 'active' },
      }),
    ]);
    expect(answer(error).text).toBe(
      '{"code":9,"message":"User is not locked (COMMAND-olb9vb0oca)","details":[' +
        '{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"COMMAND-olb9vb0oca","message":"User is not locked"},' +
        '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"USER_NOT_LOCKED","domain":"latchkey","metadata":{"state":"active"}}]}',
    );
  });

  test('writes a well-known type and an unknown one as a value', () => {
    const error = new ConnectError('x', Code.Internal, undefined, [detail(DurationSchema, { seconds: 5n })]);
    error.details.push({ type: 'acme.v1.Thing', value: Uint8Array.of(255) });
    expect(answer(error).text).toBe(
      '{"code":13,"message":"x","details":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"5s"},' +
        '{"@type":"type.googleapis.com/acme.v1.Thing","value":"/w=="}]}',
    );
  });
});

describe('the challenge of a 401', () => {
  test('is bare where no credentials were shown, as RFC 6750 has it', () => {
    expect(answer(new ConnectError('auth header missing', Code.Unauthenticated)).challenge).toBe(
      'Bearer realm="latchkey"',
    );
  });

  test('tells a caller with bad credentials that the token is the trouble', () => {
    const error = new ConnectError('Errors.Token.Invalid (AUTH-7fs1e)', Code.Unauthenticated, undefined, [
      detail(ErrorDetailSchema, { id: 'AUTH-7fs1e', message: 'Errors.Token.Invalid' }),
    ]);
    expect(answer(error).challenge).toBe('Bearer realm="latchkey", error="invalid_token"');
  });

  test('is absent from every other answer', () => {
    expect(answer(new ConnectError('x', Code.PermissionDenied)).challenge).toBeUndefined();
  });
});
