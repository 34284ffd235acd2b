/** connect-node with a handler that does nothing: gRPC, gRPC-Web and Connect, over h2c or (`--http1`) HTTP/1.1. */
import { createServer as createHttp1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { details, parsePort, timestampOf } from './answer.ts';

const adapter = connectNodeAdapter({
  routes: (router) =>
    router.service(UserService, {
      unlockUser: () => ({
        details: {
          sequence: BigInt(details.sequence),
          changeDate: timestampOf(details.changeDate),
          resourceOwner: details.resourceOwner,
          creationDate: timestampOf(details.creationDate),
        },
      }),
    }),
});

const server = process.argv.includes('--http1') ? createHttp1Server(adapter) : createHttp2Server(adapter);
server.listen(parsePort(), '127.0.0.1', () => console.log('ready'));
