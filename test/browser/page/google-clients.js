import { fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import grpcWeb from 'grpc-web';
import { ErrorInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../../gen/es/google/rpc/status_pb.js';
import { DetailsSchema } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import {
  UnlockUserRequestSchema,
  UnlockUserResponseSchema,
} from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { ErrorDetailSchema } from '../../../gen/es/zitadel/v1/error_detail_pb.js';

// What protoc-gen-grpc-web would have made; that plug-in is no package of any registry.
const path = '/zitadel.user.v2.UserService/UnlockUser';
const method = new grpcWeb.MethodDescriptor(
  path,
  grpcWeb.MethodType.UNARY,
  Object,
  Object,
  (request) => toBinary(UnlockUserRequestSchema, request),
  (bytes) => fromBinary(UnlockUserResponseSchema, bytes),
);

/** Unlocks through Google's own client, in each of its two modes. */
export const googleClients = {
  'grpc-web, text': unlockBy('text'),
  'grpc-web, binary': unlockBy('binary'),
};

function unlockBy(format) {
  return async ({ url, token, userId, timeoutMs }) => {
    const client = new grpcWeb.GrpcWebClientBase({ format });
    const request = { $typeName: UnlockUserRequestSchema.typeName, userId };
    const metadata = { deadline: String(Date.now() + timeoutMs) };
    if (token !== undefined) metadata.authorization = `Bearer ${token}`;
    const answer = Promise.withResolvers();
    const headers = Promise.withResolvers();
    const answered = (error, response) => answer.resolve({ error, response });
    client.rpcCall(`${url}${path}`, request, metadata, method, answered).on('metadata', headers.resolve);
    // In text mode this client tells of a refusal first, and of the headers when the response has ended.
    const [{ error, response }, received] = await Promise.all([answer.promise, headers.promise]);
    const requestId = received['x-request-id'] ?? null;
    if (error) return { refusal: refusalOf(error), requestId };
    return { details: toJson(DetailsSchema, response.details), requestId };
  };
}

function refusalOf({ code, message, metadata }) {
  const packed = metadata?.['grpc-status-details-bin'];
  const [first, second] = packed === undefined ? [] : fromBinary(StatusSchema, base64Decode(packed)).details;
  const detail = first && anyUnpack(first, ErrorDetailSchema);
  const info = second && anyUnpack(second, ErrorInfoSchema);
  return { code, message, id: detail?.id, text: detail?.message, reason: info?.reason };
}
