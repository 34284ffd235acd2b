/**
 * What a good developer writes in a day: Fastify, node:sqlite, one durable transaction a request. Same database, same
 * token check, same rows and the same pragmas as Latchkey; no batches, no lane.
 */
import { hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { parsePort } from './answer.ts';
import { unlockRoute } from './fastify-route.ts';

const { values } = parseArgs({ options: { db: { type: 'string' } }, strict: false });
const db = new DatabaseSync(String(values.db), { timeout: 5_000 });
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
db.exec('PRAGMA cache_size = -65536; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 16000');

const selectToken = db.prepare(
  `SELECT tokens.secret_hash, tokens.expires_at, tokens.sequence, users.user_id, users.state,
     users.tokens_ended_sequence, users.grants
   FROM tokens JOIN users ON users.user_id = tokens.user_id WHERE tokens.token_id = ?`,
);
const selectUser = db.prepare(
  'SELECT organization_id, state, sequence, created_at FROM users WHERE user_id = ?',
);
const updateUser = db.prepare(
  `UPDATE users SET state = 'active', sequence = ?, changed_at = ?, failed_password_attempts = 0, lockout = '{}'
   WHERE user_id = ?`,
);
const insertEvent = db.prepare(
  `INSERT INTO events (user_id, sequence, event_id, type, created_at, payload, actor_user_id, ip, user_agent, request_id)
   VALUES (?, ?, ?, 'user.unlocked', ?, '{}', ?, ?, ?, ?)`,
);
const unlockRoles = new Set(
  'IAM_OWNER IAM_ORG_MANAGER IAM_USER_MANAGER IAM_LOGIN_CLIENT ORG_OWNER ORG_USER_MANAGER ORG_USER_UNLOCKER IAM_USER_UNLOCKER'.split(
    ' ',
  ),
);

interface Grant {
  readonly role: string;
  readonly organizationId?: string;
}

interface Caller {
  readonly userId: string;
  readonly grants: readonly Grant[];
}

const server = fastify();
server.post<{ Params: { user_id: string } }>('/v2/users/:user_id/unlock', { schema: unlockRoute }, unlock);
await server.listen({ port: parsePort(), host: '127.0.0.1' });
console.log('ready');

async function unlock(req: FastifyRequest<{ Params: { user_id: string } }>, reply: FastifyReply) {
  const caller = authenticate(req.headers.authorization);
  if (caller === undefined) return refuse(reply, 401, 'Errors.Token.Invalid (AUTH-7fs1e)');
  const userId = req.params.user_id;
  const requestId = randomUUID();
  const changedAt = Date.now();
  db.exec('BEGIN IMMEDIATE');
  try {
    const user = selectUser.get(userId);
    if (user === undefined || user.state === 'deleted' || !mayUnlock(caller, String(user.organization_id))) {
      db.exec('ROLLBACK');
      return refuse(reply, 404, 'User could not be found (COMMAND-x377t913pw)');
    }
    if (user.state !== 'locked') {
      db.exec('ROLLBACK');
      return refuse(reply, 400, 'User is not locked (COMMAND-olb9vb0oca)');
    }
    const sequence = Number(user.sequence) + 1;
    updateUser.run(sequence, changedAt, userId);
    const agent = req.headers['user-agent'] ?? null;
    insertEvent.run(userId, sequence, randomUUID(), changedAt, caller.userId, req.ip, agent, requestId);
    db.exec('COMMIT');
    reply.header('x-request-id', requestId);
    return {
      details: {
        sequence: String(sequence),
        changeDate: new Date(changedAt).toISOString(),
        resourceOwner: user.organization_id,
        creationDate: new Date(Number(user.created_at)).toISOString(),
      },
    };
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function authenticate(authorization: string | undefined): Caller | undefined {
  const match = /^Bearer ([^.]+)\.(.+)$/.exec(authorization ?? '');
  const row = match?.[1] === undefined ? undefined : selectToken.get(match[1]);
  if (match?.[2] === undefined || !(row?.secret_hash instanceof Uint8Array)) return undefined;
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
  return reply.code(status).send({ message });
}
