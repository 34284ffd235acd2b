/** grpc-js with ts-proto's stubs and a handler that does nothing. */
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type UnlockUserRequest,
  type UnlockUserResponse,
  UserServiceService,
} from '../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import { details, parsePort } from './answer.ts';

const unlockUser: handleUnaryCall<UnlockUserRequest, UnlockUserResponse> = (_call, callback) =>
  callback(null, {
    details: {
      sequence: BigInt(details.sequence),
      changeDate: new Date(details.changeDate),
      resourceOwner: details.resourceOwner,
      creationDate: new Date(details.creationDate),
    },
  });

const { path, responseSerialize, requestDeserialize } = UserServiceService.unlockUser;
const server = new Server();
server.register(path, unlockUser, responseSerialize, requestDeserialize, 'unary');
server.bindAsync(`127.0.0.1:${parsePort()}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log('ready');
});
