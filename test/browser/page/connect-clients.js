import { toJson } from '@bufbuild/protobuf';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { ErrorInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { DetailsSchema } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import { UserState } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { ErrorDetailSchema } from '../../../gen/es/zitadel/v1/error_detail_pb.js';

/** Unlocks through connect-web, each by one of its transports. */
export const connectClients = {
  'connect-web, gRPC-Web': unlockBy((baseUrl) => createGrpcWebTransport({ baseUrl })),
  'connect-web, gRPC-Web JSON': unlockBy((baseUrl) =>
    createGrpcWebTransport({ baseUrl, useBinaryFormat: false }),
  ),
  'connect-web, Connect JSON': unlockBy((baseUrl) => createConnectTransport({ baseUrl })),
  'connect-web, Connect proto': unlockBy((baseUrl) =>
    createConnectTransport({ baseUrl, useBinaryFormat: true }),
  ),
};

/** Reads a user by Connect GET; answers the name of the state, or the refusal. */
export async function readByGet({ useBinaryFormat, ...call }) {
  const transport = createConnectTransport({ baseUrl: call.url, useHttpGet: true, useBinaryFormat });
  return outcomeOf(async (options) => {
    const { user } = await createClient(UserService, transport).getUserByID({ userId: call.userId }, options);
    return { userId: user?.userId, state: UserState[user?.state ?? 0] };
  }, call);
}

function unlockBy(transportTo) {
  return (call) =>
    outcomeOf(async (options) => {
      const client = createClient(UserService, transportTo(call.url));
      const { details } = await client.unlockUser({ userId: call.userId }, options);
      return { details: details && toJson(DetailsSchema, details) };
    }, call);
}

async function outcomeOf(work, { token, timeoutMs }) {
  let requestId = null;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const onHeader = (received) => {
    requestId = received.get('x-request-id');
  };
  try {
    return { ...(await work({ headers, timeoutMs, onHeader })), requestId };
  } catch (reason) {
    const error = ConnectError.from(reason);
    const [detail] = error.findDetails(ErrorDetailSchema);
    const [info] = error.findDetails(ErrorInfoSchema);
    return {
      refusal: {
        code: error.code,
        message: error.rawMessage,
        id: detail?.id,
        text: detail?.message,
        reason: info?.reason,
      },
      requestId: error.metadata.get('x-request-id'),
    };
  }
}
