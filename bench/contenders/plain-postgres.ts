/**
 * The plain design on PostgreSQL: Fastify, pg's pool, one transaction a request. Same database, same token check and
 * same rows as Latchkey, statements prepared as there; no batches, no lane.
 */
import { hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { parseArgs } from 'node:util';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Pool, type PoolClient } from 'pg';
import { parsePort } from './answer.ts';
import { unlockRoute } from './fastify-route.ts';

const { values } = parseArgs({
  options: { db: { type: 'string' }, connections: { type: 'string', default: '32' } },
  strict: false,
});
const pool = new Pool({ connectionString: String(values.db), max: Number(values.connections) });

const selectToken = {
  name: 'token',
  text: `SELECT tokens.secret_hash, tokens.expires_at, tokens.sequence, users.user_id, users.state,
     users.tokens_ended_sequence, users.grants
   FROM tokens JOIN users ON users.user_id = tokens.user_id WHERE tokens.token_id = $1`,
};
const selectUser = {
  name: 'user',
  text: 'SELECT organization_id, state, sequence, created_at FROM users WHERE user_id = $1 FOR UPDATE',
};
const updateUser = {
  name: 'update',
  text: `UPDATE users SET state = 'active', sequence = $2, changed_at = $3, failed_password_attempts = 0, lockout = '{}'
   WHERE user_id = $1`,
};
const insertEvent = {
  name: 'insert',
  text: `INSERT INTO events (user_id, sequence, batch_id, place, created_at, event_id, type, payload, actor_user_id, ip, user_agent, request_id)
   VALUES ($1, $2, concat('z', $4::text), 0, $3, $4, 'user.unlocked', '{}', $5, $6, $7, $8)`,
};
const unlockRoles = new Set(
  'IAM_OWNER IAM_ORG_MANAGER IAM_USER_MANAGER IAM_LOGIN_CLIENT ORG_OWNER ORG_USER_MANAGER ORG_USER_UNLOCKER IAM_USER_UNLOCKER'.split(
    ' ',
  ),
);

interface Caller {
  readonly userId: string;
  readonly grants: readonly { readonly role: string; readonly organizationId?: string }[];
}

type UnlockRequest = FastifyRequest<{ Params: { user_id: string } }>;

const server = fastify();
server.post<{ Params: { user_id: string } }>('/v2/users/:user_id/unlock', { schema: unlockRoute }, answer);
await server.listen({ port: parsePort(), host: '127.0.0.1' });
console.log('ready');

async function answer(req: UnlockRequest, reply: FastifyReply) {
  const caller = await authenticate(req.headers.authorization);
  if (caller === undefined) return refuse(reply, 401, 'Errors.Token.Invalid (AUTH-7fs1e)');
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const body = await unlock(client, caller, { req, reply });
    await client.query(reply.statusCode === 200 ? 'COMMIT' : 'ROLLBACK');
    return body;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function unlock(
  client: PoolClient,
  caller: Caller,
  { req, reply }: { req: UnlockRequest; reply: FastifyReply },
) {
  const userId = req.params.user_id;
  const requestId = randomUUID();
  const changedAt = Date.now();
  const [user] = (await client.query({ ...selectUser, values: [userId] })).rows;
  if (user === undefined || user.state === 'deleted' || !mayUnlock(caller, user.organization_id)) {
    return refuse(reply, 404, 'User could not be found (COMMAND-x377t913pw)');
  }
  if (user.state !== 'locked') return refuse(reply, 400, 'User is not locked (COMMAND-olb9vb0oca)');
  const sequence = Number(user.sequence) + 1;
  await client.query({ ...updateUser, values: [userId, sequence, changedAt] });
  const agent = req.headers['user-agent'];
  await client.query({
    ...insertEvent,
    values: [userId, sequence, changedAt, randomUUID(), caller.userId, req.ip, agent, requestId],
  });
  reply.header('x-request-id', requestId);
  return {
    details: {
      sequence: String(sequence),
      changeDate: new Date(changedAt).toISOString(),
      resourceOwner: user.organization_id,
      creationDate: new Date(Number(user.created_at)).toISOString(),
    },
  };
}

async function authenticate(authorization: string | undefined): Promise<Caller | undefined> {
  const match = /^Bearer ([^.]+)\.(.+)$/.exec(authorization ?? '');
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const [row] = (await pool.query({ ...selectToken, values: [match[1]] })).rows;
  if (!(row?.secret_hash instanceof Uint8Array)) return undefined;
  if (!timingSafeEqual(hash('sha256', match[2], 'buffer'), row.secret_hash)) return undefined;
  const isVoid =
    Number(row.sequence) <= Number(row.tokens_ended_sequence) || Number(row.expires_at) <= Date.now();
  if (isVoid || row.state !== 'active') return undefined;
  return { userId: String(row.user_id), grants: JSON.parse(String(row.grants)) };
}

function mayUnlock(caller: Caller, organizationId: string): boolean {
  return caller.grants.some(
    (grant) =>
      unlockRoles.has(grant.role) &&
      (grant.organizationId === undefined || grant.organizationId === organizationId),
  );
}

function refuse(reply: FastifyReply, status: number, message: string) {
  reply.code(status);
  return { message };
}
