// Google's own gRPC-Web client, in the mode that the first argument names ("text" or "binary"), unlocks a locked user
// and reads why a second unlock is refused. Its plug-in for protoc is no package of any registry, so the one method
// descriptor that it would have made is made here; the messages are those of gen/es.
import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import grpcWeb from 'grpc-web';
import xhr from 'xhr2';
import { ErrorInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../../gen/es/google/rpc/status_pb.js';
import {
  UnlockUserRequestSchema,
  UnlockUserResponseSchema,
} from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { ErrorDetailSchema } from '../../../gen/es/zitadel/v1/error_detail_pb.js';

globalThis.XMLHttpRequest = xhr.XMLHttpRequest;

const { LATCHKEY_ADDRESS: address, LATCHKEY_TOKEN: token, LATCHKEY_USER_ID: userId } = process.env;
const format = process.argv[2];
assert.ok(format === 'text' || format === 'binary', 'usage: client.js text|binary');
const refusal = { id: 'COMMAND-olb9vb0oca', text: 'User is not locked' };

const path = '/zitadel.user.v2.UserService/UnlockUser';
const method = new grpcWeb.MethodDescriptor(
  path,
  grpcWeb.MethodType.UNARY,
  Object,
  Object,
  (request) => toBinary(UnlockUserRequestSchema, request),
  (bytes) => fromBinary(UnlockUserResponseSchema, bytes),
);
const client = new grpcWeb.GrpcWebClientBase({ format });

function unlock() {
  const request = { $typeName: UnlockUserRequestSchema.typeName, userId };
  const metadata = { authorization: `Bearer ${token}`, deadline: String(Date.now() + 20_000) };
  return client.unaryCall(`http://${address}${path}`, request, metadata, method);
}

const { details } = await unlock();
assert.ok(details.sequence >= 2n, `sequence ${details.sequence}`);
assert.ok(details.resourceOwner && details.changeDate && details.creationDate, 'details are incomplete');

const error = await unlock().then(
  () => assert.fail('second unlock was not refused'),
  (reason) => reason,
);
assert.equal(error.code, grpcWeb.StatusCode.FAILED_PRECONDITION, String(error));
assert.equal(error.message, `${refusal.text} (${refusal.id})`);
const status = fromBinary(StatusSchema, Buffer.from(error.metadata['grpc-status-details-bin'], 'base64'));
assert.equal(status.code, error.code);
assert.equal(status.message, error.message);
assert.equal(status.details.length, 2);
const detail = anyUnpack(status.details[0], ErrorDetailSchema);
assert.deepEqual({ id: detail?.id, text: detail?.message }, refusal);
assert.equal(anyUnpack(status.details[1], ErrorInfoSchema)?.reason, 'USER_NOT_LOCKED');
