/**
 * Latchkey's server room with a handler that does nothing: no interceptors, no store. What the lane itself costs; with
 * `--measured`, and with every answer counted.
 */
import type { ServiceImpl } from '@connectrpc/connect';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { createMetrics } from '../../src/ops/metrics.ts';
import type { DeskService } from '../../src/rpc/desk.ts';
import { createDoor } from '../../src/server/door.ts';
import { createCorsPolicy } from '../../src/server/http/cors.ts';
import { startListener } from '../../src/server/port/listener.ts';
import { details, parsePort, timestampOf } from './answer.ts';

const answer = {
  details: {
    sequence: BigInt(details.sequence),
    changeDate: timestampOf(details.changeDate),
    resourceOwner: details.resourceOwner,
    creationDate: timestampOf(details.creationDate),
  },
};

const unlockUser = () => answer;

// The table of methods takes a service of any kind.
const implementation = { unlockUser } as Partial<
  ServiceImpl<typeof UserService>
> as DeskService['implementation'];

const log = (event: string, fields: Readonly<Record<string, unknown>>) => console.error(event, fields);
const measures = process.argv.includes('--measured')
  ? { measures: createMetrics({ version: '0', node: process.versions.node, store: 'sqlite' }) }
  : {};
const door = createDoor({
  ...measures,
  services: [{ desc: UserService, implementation }],
  interceptors: [],
  cors: createCorsPolicy({ allowedOrigins: [], scheme: 'http' }),
  clientAddress: { trustedProxies: [] },
  isReady: async () => true,
  isDraining: () => false,
  timeoutMs: 1_000,
  log,
});
// Nobody shows a token here; strangers' connections are read a few frames at a time, in turns, which is not the lane's doing.
await startListener(door, { port: parsePort(), log, trustedProxies: ['127.0.0.1'] });
console.log('ready');
