import type { Caller } from '../auth/caller.ts';
import type { UserRule } from '../auth/load-user.ts';
import { type CodeKind, codeLifeMs } from '../domain/code.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import { digestCode, newCode } from '../sign-in/code.ts';
import type { Change } from '../store/store.ts';
import { type CommandApp, changeUser } from './change-user.ts';
import { loadProfile } from './load-profile.ts';
import { emailVerification } from './profile-change.ts';
import { changeProven } from './proven.ts';
import type { SignInApp } from './sign-in-facts.ts';

export interface HandedCode {
  readonly user: User;
  /** Shown this once. */
  readonly code: string;
}

/** A new code, the event that tells of it, and what the store keeps of it. */
export async function makeCode(
  app: Pick<CommandApp, 'store' | 'now'>,
  userId: UserId,
  kind: CodeKind,
): Promise<{
  readonly code: string;
  readonly event: UserEvent;
  readonly stored: NonNullable<Change['codes']>;
}> {
  const code = newCode();
  const expiresAt = app.now() + codeLifeMs;
  const digest = digestCode(await app.store.loadSigningKey(), { userId, kind, code });
  return {
    code,
    event: { type: `user.human.${kind}.code.added`, payload: { expiresAt } },
    stored: [{ kind, after: { kind, digest, expiresAt, tries: 0 } }],
  };
}

/**
 * A code that proves the address as it stands; the one before it is void. Throws userKindOther, emailVerified.
 */
export function sendEmailCode(app: CommandApp, caller: Caller, userId: UserId): Promise<HandedCode> {
  const rule = { userId, permission: 'user.write', notFound: 'userNotFound' } as const;
  return handCode(app, caller, { rule, kind: 'email' }, async (user) => {
    const { profile } = await loadProfile(app, user);
    if (profile.kind !== 'human') throw new DomainError('userKindOther');
    if (profile.emailVerified) throw new DomainError('emailVerified');
  });
}

/**
 * A code by which a new password can be set, whatever the user's state, which stays. Throws passwordOfMachine.
 */
export function resetPassword(app: CommandApp, caller: Caller, userId: UserId): Promise<HandedCode> {
  const rule = { userId, permission: 'user.credential.write', notFound: 'userNotFound' } as const;
  return handCode(app, caller, { rule, kind: 'password' }, (user) => {
    if (user.kind !== 'human') throw new DomainError('passwordOfMachine');
  });
}

async function handCode(
  app: CommandApp,
  caller: Caller,
  { rule, kind }: { readonly rule: UserRule; readonly kind: CodeKind },
  admit: (user: User) => void | Promise<void>,
): Promise<HandedCode> {
  let handed = '';
  const user = await changeUser(app, caller, rule, async (found) => {
    await admit(found);
    const { code, event, stored } = await makeCode(app, rule.userId, kind);
    handed = code;
    return { events: [event], codes: stored };
  });
  return { user, code: handed };
}

export interface EmailProof {
  readonly userId: UserId;
  readonly code: string;
  readonly signal?: AbortSignal | undefined;
}

/** The address is verified, by the code that was handed out for it. Throws what checkPassword throws, userKindOther. */
export function verifyEmail(app: SignInApp, caller: Caller, request: EmailProof): Promise<User> {
  const { userId, code, signal } = request;
  const rule = { userId, permission: 'user.write', notFound: 'userNotFound' } as const;
  const admit = ({ kind }: User) => {
    if (kind !== 'human') throw new DomainError('userKindOther');
  };
  return changeProven(
    app,
    caller,
    { rules: [rule], guess: { password: code, code: 'email' }, signal, admit },
    async ({ user }) => {
      const { profile } = await loadProfile(app, user);
      const event = emailVerification(caller, profile);
      if (event === undefined) throw new DomainError('conflict');
      return { events: [event], profile };
    },
  );
}
