import type { ServiceImpl } from '@connectrpc/connect';
import type {
  AddHumanUserRequest,
  CreateUserRequest,
  UserService,
} from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import type { Caller } from '../../auth/caller.ts';
import { createUser, type NewUser } from '../../commands/create-user.ts';
import { setPassword } from '../../commands/password.ts';
import type { SignInApp } from '../../commands/sign-in-facts.ts';
import { addToken, removeToken } from '../../commands/tokens.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseOrganizationId, parseUserId } from '../../domain/ids.ts';
import { detailsOf, timestampOf } from '../convert/details.ts';
import { parseTimestamp } from '../convert/token.ts';
import { parseHuman, parsePassword, proofOf, refuseUnserved } from '../human-request.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserCommandHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'createUser' | 'addHumanUser' | 'setPassword' | 'addPersonalAccessToken' | 'removePersonalAccessToken'
>;

/** The calls that make users, passwords and tokens. */
export function userCommandHandlers(app: SignInApp): UserCommandHandlers {
  return {
    async createUser(req, context) {
      const user = await createUser(app, context.values.get(callerKey), newUser(req));
      return { id: user.userId, creationDate: timestampOf(user.createdAt) };
    },
    async addHumanUser(req, context) {
      const caller = context.values.get(callerKey);
      const user = await createUser(app, caller, newHumanUser(req, caller));
      return { userId: user.userId, details: detailsOf(user) };
    },
    async setPassword(req, context) {
      if (req.newPassword === undefined) {
        throw new DomainError('fieldInvalid', { text: 'new_password: value is required' });
      }
      const user = await setPassword(app, context.values.get(callerKey), {
        userId: parseUserId(req.userId),
        newPassword: { password: req.newPassword.password, changeRequired: req.newPassword.changeRequired },
        proof: proofOf(req.verification),
        signal: context.signal,
      });
      return { details: detailsOf(user) };
    },
    async addPersonalAccessToken(req, context) {
      const added = await addToken(app, context.values.get(callerKey), {
        userId: parseUserId(req.userId),
        expiresAt:
          req.expirationDate === undefined
            ? 0
            : Math.floor(parseTimestamp(req.expirationDate, 'expiration_date')),
      });
      return { tokenId: added.tokenId, token: added.token, creationDate: timestampOf(added.createdAt) };
    },
    async removePersonalAccessToken(req, context) {
      const deletedAt = await removeToken(app, context.values.get(callerKey), {
        userId: parseUserId(req.userId),
        tokenId: req.tokenId,
      });
      return { deletionDate: timestampOf(deletedAt) };
    },
  };
}

function newUser(req: CreateUserRequest): NewUser {
  const { userId, username: userName, userType } = req;
  const organization = { organizationId: parseOrganizationId(req.organizationId) };
  if (userType.case === 'human') {
    const { profile, email, phone, idpLinks, totpSecret, metadata, passwordType } = userType.value;
    refuseUnserved({
      'human.idp_links': idpLinks.length > 0,
      'human.totp_secret': totpSecret !== undefined,
      'human.metadata': metadata.length > 0,
    });
    const password = parsePassword(passwordType);
    return {
      organization,
      userId,
      userName,
      ...password,
      profile: parseHuman('human.', { profile, email, phone }),
    };
  }
  if (userType.case === undefined)
    throw new DomainError('fieldInvalid', { text: 'user_type: value is required' });
  const { name, description } = userType.value;
  const profile = { kind: 'machine', name, ...(description !== undefined && { description }) } as const;
  return { organization, userId, userName, profile };
}

function newHumanUser(req: AddHumanUserRequest, caller: Caller): NewUser {
  const { userId, username: userName, profile, email, phone } = req;
  refuseUnserved({
    metadata: req.metadata.length > 0,
    idp_links: req.idpLinks.length > 0,
    totp_secret: req.totpSecret !== undefined,
  });
  return {
    organization: organizationOf(req, caller),
    userId,
    userName,
    ...parsePassword(req.passwordType),
    profile: parseHuman('', { profile, email, phone }),
  };
}

function organizationOf(req: AddHumanUserRequest, caller: Caller): NewUser['organization'] {
  const named = req.organization?.org;
  if (named?.case === 'orgId') return { organizationId: parseOrganizationId(named.value) };
  if (named?.case === 'orgDomain') return { domain: named.value.toLowerCase() };
  if (caller.organizationId !== undefined) return { organizationId: caller.organizationId };
  throw new DomainError('fieldInvalid', { text: 'organization: value is required' });
}
