/** Fastify with a handler that does nothing, and a response schema, which makes its JSON fast. */
import fastify from 'fastify';
import { details, parsePort } from './answer.ts';
import { unlockRoute } from './fastify-route.ts';

const server = fastify();
server.post<{ Params: { user_id: string } }>(
  '/v2/users/:user_id/unlock',
  { schema: unlockRoute },
  async () => ({
    details,
  }),
);
await server.listen({ port: parsePort(), host: '127.0.0.1' });
console.log('ready');
