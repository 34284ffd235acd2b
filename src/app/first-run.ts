import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Caller, systemCaller } from '../auth/caller.ts';
import { formatToken, type PresentedToken, parseToken } from '../auth/token.ts';
import { createUser } from '../commands/create-user.ts';
import { addGrant } from '../commands/grants.ts';
import { createOrganization } from '../commands/organizations.ts';
import { addToken } from '../commands/tokens.ts';
import { changeUserState } from '../commands/user-state.ts';
import { DomainError } from '../domain/errors.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { Organization } from '../domain/user.ts';
import { hashPassword } from '../sign-in/password.ts';
import type { App } from './app.ts';
import { adminTokenPath } from './config.ts';
import type { Logger } from './log/logger.ts';
import { saveToken } from './token-file.ts';
import { UsageError } from './usage.ts';

export interface FirstRun {
  readonly organizationId: OrganizationId;
  /** Shown once, and kept in tokenPath. */
  readonly token: string;
  readonly tokenPath: string;
  /** The token stood in tokenPath before. */
  readonly isGiven: boolean;
  /** The people of --demo. */
  readonly people: readonly DemoPerson[];
}

export interface DemoPerson {
  readonly userId: UserId;
  readonly name: string;
  readonly note: string;
}

export interface FirstRunOptions {
  readonly dataFolder: string;
  /** Where the token stands already, or is to go; undefined: admin-token in the data folder. */
  readonly adminTokenFile?: string | undefined;
  readonly osUser: string;
  readonly demo: boolean;
  /** Somebody reads the log beside the welcome, which tells of the people of --demo as well. */
  readonly isWatched?: boolean;
}

const dayMs = 86_400_000;
const tokenLifeMs = 365 * dayMs;

const firstRow = { offset: 0, limit: 1, ascending: true };

/** A first run that is this old and has left no administrator is not under way any more: it was cut short. */
const interruptedAfterMs = 10_000;

/**
 * On a database without organizations, or where an earlier first run was cut short before its end: one organization,
 * an administrator with a token, and with demo a few people. Throws UsageError where the token's file holds something else.
 */
export async function firstRun(app: App, options: FirstRunOptions): Promise<FirstRun | undefined> {
  const caller = systemCaller(options.osUser, 'first run');
  const { rows } = await app.store.listOrganizations('all', firstRow);
  const [existing] = rows;
  if (existing !== undefined && !(await wasInterrupted(app, existing))) return undefined;
  const organizationId = existing?.organizationId ?? (await createFirstOrganization(app, caller));
  if (organizationId === undefined) return undefined;
  const given = options.adminTokenFile === undefined ? undefined : readGivenToken(options.adminTokenFile);
  const { userId, token } = await createAdministrator(app, caller, { organizationId, given });
  const isGiven = given !== undefined && token === formatToken(given);
  const wanted = options.adminTokenFile ?? adminTokenPath(options.dataFolder);
  const tokenPath = isGiven ? wanted : saveToken(wanted, token);
  if (tokenPath !== wanted) app.log.warn({}, ofAnotherDatabase(wanted, tokenPath));
  // The role comes last: whoever finds no role at all finds a first run that did not get here.
  await addGrant(app, caller, { userId, role: 'IAM_OWNER', organizationId: undefined });
  const make = () => createPeople(app, options.osUser, organizationId);
  const makeThem = options.isWatched ? () => withoutLines(app.log, make) : make;
  const people = options.demo ? await makeThem() : [];
  return { organizationId, token, tokenPath, isGiven, people };
}

// The file of before is lost or elsewhere, and nobody who looks at a server that runs would see that.
function ofAnotherDatabase(wanted: string, tokenPath: string): string {
  return `the database was empty, though ${wanted} holds a token: was it lost or moved, or is another one meant? The token of the new one is in ${tokenPath}`;
}

async function wasInterrupted(app: App, organization: Organization): Promise<boolean> {
  if (organization.createdAt + interruptedAfterMs > app.now()) return false;
  return (await app.store.listGrants({ scope: 'all', page: firstRow })).total === 0;
}

// Servers that start together on one database find it empty together: the first to make it is whose first run it is.
async function createFirstOrganization(app: App, caller: Caller): Promise<OrganizationId | undefined> {
  try {
    const organization = { name: 'Default', domain: 'latchkey.localhost' };
    return (await createOrganization(app, caller, organization)).organizationId;
  } catch (error) {
    if (error instanceof DomainError && error.error === 'organizationExists') return undefined;
    throw error;
  }
}

interface AdministratorToMake {
  readonly organizationId: OrganizationId;
  readonly given: PresentedToken | undefined;
}

async function createAdministrator(app: App, caller: Caller, { organizationId, given }: AdministratorToMake) {
  const userId = await createOrFindAdministrator(app, caller, organizationId);
  // A first run that was cut short may have added it already.
  if (given !== undefined && (await app.store.loadToken(given.tokenId))?.token.userId === userId) {
    return { userId, token: formatToken(given) };
  }
  const { token } = await addToken(app, caller, { userId, expiresAt: app.now() + tokenLifeMs, given });
  return { userId, token };
}

// A Secret that every replica mounts: whichever of them makes the administrator, the token is known beforehand.
function readGivenToken(path: string): PresentedToken | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (text === '') return undefined;
  if (!givenToken.test(text)) {
    throw new UsageError(
      `--admin-token-file: ${path} must hold a token of the form ID.SECRET (ID: 19 digits; SECRET: 43 characters or more, A-Z, a-z, 0-9, - and _), or nothing`,
    );
  }
  return parseToken(text);
}

/** Nobody may choose a token that can be guessed: the secret is as long as one of ours. */
const givenToken = /^\d{19}\.[\w-]{43,200}$/;

async function createOrFindAdministrator(
  app: App,
  caller: Caller,
  organizationId: OrganizationId,
): Promise<UserId> {
  const userName = 'admin';
  try {
    const administrator = await createUser(app, caller, {
      organization: { organizationId },
      userId: undefined,
      userName,
      profile: { kind: 'machine', name: 'Administrator', description: 'Made at the first start' },
    });
    return administrator.userId;
  } catch (error) {
    if (!(error instanceof DomainError) || error.error !== 'userNameTaken') throw error;
    const { rows } = await app.store.listUsers({
      scope: [organizationId],
      filters: [{ kind: 'text', field: 'user_name', method: 'equals_ignore_case', value: userName }],
      sort: 'user_name',
      page: firstRow,
    });
    if (rows[0] === undefined) throw error;
    return rows[0].user.userId;
  }
}

async function withoutLines<Made>(log: Logger, make: () => Promise<Made>): Promise<Made> {
  if (!log.isLevelEnabled('info')) return await make();
  const { level } = log;
  log.level = 'warn';
  try {
    return await make();
  } finally {
    log.level = level;
  }
}

const demoPeople = [
  { given: 'Ada', family: 'Moreau', lockedFor: 'phone stolen, reported by the team lead' },
  { given: 'Bram', family: 'Okafor', lockedFor: 'on leave until the first of the month' },
  { given: 'Chiara', family: 'Lindqvist', lockedFor: 'laptop lost on a train, told the help desk' },
  { given: 'Dmitri', family: 'Abeyta', lockedFor: 'account shared with a colleague' },
  { given: 'Esi', family: 'Varga' },
] as const;

async function createPeople(
  app: App,
  osUser: string,
  organizationId: OrganizationId,
): Promise<readonly DemoPerson[]> {
  // One does for all, since nobody knows it. Each hash would take 40 ms, and the second leaves its 19 MiB with the process.
  const hash = await hashPassword(randomBytes(18).toString('base64url'), organizationId);
  const people: DemoPerson[] = [];
  for (const person of demoPeople) {
    const name = `${person.given} ${person.family}`;
    const email = `${person.given.toLowerCase()}@latchkey.localhost`;
    const user = await createUser(app, systemCaller(osUser, 'demo'), {
      organization: { organizationId },
      userId: undefined,
      userName: person.given.toLowerCase(),
      profile: {
        kind: 'human',
        givenName: person.given,
        familyName: person.family,
        email,
        emailVerified: true,
      },
      password: { hash, changeRequired: true },
    });
    const reason = 'lockedFor' in person ? person.lockedFor : undefined;
    if (reason !== undefined) await changeUserState(app, systemCaller(osUser, reason), user.userId, 'lock');
    people.push({ userId: user.userId, name, note: reason === undefined ? 'active' : `locked: ${reason}` });
  }
  return people;
}
