import type { App } from '../../src/app/app.ts';
import { systemCaller } from '../../src/auth/caller.ts';
import { createUser } from '../../src/commands/create-user.ts';
import { addGrant } from '../../src/commands/grants.ts';
import { createOrganization } from '../../src/commands/organizations.ts';
import type { SessionChecks } from '../../src/commands/session-subject.ts';
import { createSession } from '../../src/commands/sessions.ts';
import { addToken } from '../../src/commands/tokens.ts';
import { changeUserState } from '../../src/commands/user-state.ts';
import { parseOrganizationId, parseUserId } from '../../src/domain/ids.ts';
import type { UserKind, UserState } from '../../src/domain/user.ts';
import type { UserAction } from '../../src/domain/user-state.ts';

/** Makes what a test finds in place, by the commands themselves, as the operator at the machine would. */
export interface People {
  /** An organization of this id; its domain is `<id>.example`. */
  organization(id: string): Promise<string>;
  /** A user in any state; answers the id. */
  user(options: NewPerson): Promise<string>;
  /** A machine user of the organization with these roles; answers a token. */
  caller(options: NewCaller): Promise<string>;
  /** A token of an active machine user, good for ten years. */
  token(userId: string): Promise<string>;
  grant(userId: string, role: HeldRole): Promise<void>;
  act(userId: string, action: UserAction): Promise<void>;
  /** A session that has proven nothing but whose it is. */
  session(userId: string): Promise<{ readonly sessionId: string; readonly sessionToken: string }>;
}

export interface NewPerson {
  readonly organization: string;
  /** Default: active. */
  readonly state?: UserState;
  /** Default: human. */
  readonly kind?: UserKind;
  /** Default: a new one. */
  readonly userId?: string;
  /** Default: the id. */
  readonly userName?: string;
}

/** A role in an organization, or by its name alone on the instance. */
export type HeldRole = string | { readonly role: string; readonly organization: string };

export interface NewCaller {
  readonly organization: string;
  readonly roles: readonly HeldRole[];
}

/** What every human user here signs in with, unless the state is initial. */
export const password = 'correct horse';
/** Its bcrypt hash of the lowest cost, so that a thousand users are made in no time. */
const passwordHash = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';

const tokenLifeMs = 3_650 * 86_400_000;
const operator = systemCaller('operator');

const noChecks: Omit<SessionChecks, 'subject'> = {
  password: undefined,
  deviceToken: undefined,
  organizationId: undefined,
  address: undefined,
  userAgent: undefined,
};

const actionsTo = {
  initial: [],
  active: [],
  inactive: ['deactivate'],
  locked: ['lock'],
  deleted: ['delete'],
} as const satisfies Record<UserState, readonly UserAction[]>;

/** The operator's hands, on this app. */
export function createPeople(app: App): People {
  const people: People = {
    async organization(id) {
      await createOrganization(app, operator, { name: id, organizationId: id, domain: `${id}.example` });
      return id;
    },
    async user(options) {
      const userId = await create(app, options);
      for (const action of actionsTo[options.state ?? 'active']) await people.act(userId, action);
      return userId;
    },
    async caller({ organization, roles }) {
      const userId = await people.user({ organization, kind: 'machine' });
      for (const role of roles) await people.grant(userId, role);
      return people.token(userId);
    },
    async token(userId) {
      const request = { userId: parseUserId(userId), expiresAt: app.now() + tokenLifeMs };
      return (await addToken(app, operator, request)).token;
    },
    async grant(userId, held) {
      const { role, organization } =
        typeof held === 'string' ? { role: held, organization: undefined } : held;
      const organizationId = organization === undefined ? undefined : parseOrganizationId(organization);
      await addGrant(app, operator, { userId: parseUserId(userId), role, organizationId });
    },
    async act(userId, action) {
      await changeUserState(app, operator, parseUserId(userId), action);
    },
    async session(userId) {
      const { session, token } = await createSession(app, operator, {
        checks: { ...noChecks, subject: { userId: parseUserId(userId) } },
        metadata: {},
        userAgent: undefined,
        lifetimeMs: undefined,
      });
      return { sessionId: session.sessionId, sessionToken: token };
    },
  };
  return people;
}

async function create(app: App, options: NewPerson): Promise<string> {
  const { organization, state = 'active', kind = 'human', userId = app.newId() } = options;
  const email = { email: `${userId}@mail.example`, emailVerified: true };
  await createUser(app, operator, {
    organization: { organizationId: parseOrganizationId(organization) },
    userId,
    userName: options.userName ?? userId,
    profile:
      kind === 'human'
        ? { kind, givenName: 'Given', familyName: 'Family', ...email }
        : { kind: 'machine', name: 'Machine' },
    ...(kind === 'human' &&
      state !== 'initial' && { password: { hash: passwordHash, changeRequired: false } }),
  });
  return userId;
}
