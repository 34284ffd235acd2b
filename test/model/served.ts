import type { JsonObject } from '@bufbuild/protobuf';
import bcrypt from 'bcryptjs';
import { systemCaller } from '../../src/auth/caller.ts';
import { sweepAttempts } from '../../src/commands/attempts/settle.ts';
import { setPassword } from '../../src/commands/password.ts';
import { errors } from '../../src/domain/errors.ts';
import type { UserEvent } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve/evolve.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import type { UserAction } from '../../src/domain/user-state.ts';
import type { Answer } from '../support/answer.ts';
import type { Door } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { password } from '../support/people.ts';
import { seedPolicy } from '../support/seed-users.ts';
import type { TestServer } from '../support/start-server.ts';
import { policyOf } from './law.ts';
import type { Outcome, Seen } from './reference.ts';
import { type Device, firstRules, type Step } from './steps.ts';

const methodOf = {
  lock: 'LockUser',
  unlock: 'UnlockUser',
  deactivate: 'DeactivateUser',
  reactivate: 'ReactivateUser',
  delete: 'DeleteUser',
} as const satisfies Record<UserAction, MethodName>;

let lives = 0;

/** Who checks the password: the server itself, or an application that asks for the count. */
export type Checker = 'latchkey' | 'application';

interface Life {
  readonly name: string;
  readonly checker: Checker;
}

/** One user of a real server, in an organization of their own, by its public door. */
export class Served {
  readonly #server: TestServer;
  readonly #door: Door;
  readonly #name: string;
  readonly #devices = new Map<Device, string>();
  readonly #checker: Checker;
  #guesses = 0;

  private constructor(server: TestServer, door: Door, { name, checker }: Life) {
    this.#server = server;
    this.#door = door;
    this.#name = name;
    this.#checker = checker;
  }

  static async open(server: TestServer, door: Door, checker: Checker = 'latchkey'): Promise<Served> {
    lives += 1;
    const name = `life-${lives}`;
    await server.people.organization(name);
    await server.people.user({ organization: name, userId: name });
    await seedPolicy(server.app.store, name, policyOf(firstRules));
    return new Served(server, door, { name, checker });
  }

  /** What get, both lists and the lock's record say, and the fold of the log: the same, or it throws. */
  async look(): Promise<Seen> {
    const got = await this.#door.user(this.#name);
    const state = String(got?.state ?? 'USER_STATE_DELETED')
      .replace('USER_STATE_', '')
      .toLowerCase();
    const listedAs: string[] = [];
    for (const wanted of ['active', 'inactive', 'locked']) {
      const queries = [
        { inUserIdsQuery: { userIds: [this.#name] } },
        { stateQuery: { state: `USER_STATE_${wanted.toUpperCase()}` } },
      ];
      const { response } = await this.#door.ask('ListUsers', { queries });
      if (response.result !== undefined) listedAs.push(wanted);
    }
    const { lock } = (await this.#door.ask('GetLock', { userId: this.#name })).response;
    const until = (lock as JsonObject | undefined)?.until;
    const folded = fold(await this.#door.events(this.#name));
    const row = await this.#server.app.store.loadUser(parseUserId(this.#name));
    const all = {
      listedAs: listedAs.join() || 'deleted',
      locked: lock === undefined ? state : 'locked',
      folded: folded?.state,
      row: row?.state,
    };
    if (Object.values(all).some((one) => one !== state)) {
      throw new Error(`get says ${state}, and the others ${JSON.stringify(all)}`);
    }
    if (JSON.stringify(folded?.lockout) !== JSON.stringify(row?.lockout))
      throw new Error('the log has another lock');
    return {
      state: state as Seen['state'],
      until: until === undefined ? undefined : Date.parse(String(until)),
    };
  }

  async apply(step: Step): Promise<Outcome> {
    const { clock, people, app } = this.#server;
    const userId = this.#name;
    switch (step.kind) {
      case 'sign in':
        if (this.#checker === 'latchkey') return this.#signIn(step.device, step.isRight);
        return this.#attempt(step.device, step.isRight ? 'SUCCEEDED' : 'FAILED');
      case 'abandon':
        return this.#attempt(step.device, 'ABANDONED');
      case 'leave open': {
        const begun = await this.#begin(step.device);
        if (!begun.ok) return refusalOf(begun);
        clock.nowMs += 30_000;
        await sweepAttempts(app);
        return 'ok';
      }
      case 'act':
        if (step.action === 'delete') this.#devices.clear();
        return outcomeOf(await this.#door.ask(methodOf[step.action], { userId }));
      case 'lock for': {
        const until = new Date(clock.nowMs + step.ms).toISOString();
        return outcomeOf(await this.#door.ask('LockService.LockUser', { userId, until }));
      }
      case 'create again':
        if ((await this.#door.user(userId)) === undefined)
          await people.user({ organization: userId, userId });
        return 'ok';
      case 'policy':
        await seedPolicy(app.store, userId, policyOf(step.rules));
        return 'ok';
      case 'wait':
      case 'wait for the end': {
        const lock = (await app.store.loadUser(parseUserId(userId)))?.lockout.lock;
        if (step.kind === 'wait') clock.nowMs += step.ms;
        else if (lock?.until !== undefined) clock.nowMs = lock.until + step.ms;
        return 'ok';
      }
      case 'new password':
        if ((await this.#door.user(userId)) !== undefined) await this.#renewPassword();
        return 'ok';
      default:
        return step satisfies never;
    }
  }

  // The same words with another salt, and of the lowest cost. The devices keep their tokens, and show them.
  async #renewPassword(): Promise<void> {
    await setPassword(this.#server.app, systemCaller('operator'), {
      userId: parseUserId(this.#name),
      newPassword: { hash: bcrypt.hashSync(password, 4), changeRequired: false },
      proof: undefined,
    });
  }

  #begin(device: Device | undefined): Promise<Answer> {
    const deviceToken = device && this.#devices.get(device);
    const more = deviceToken === undefined ? {} : { deviceToken };
    return this.#door.ask('BeginAttempt', { userId: this.#name, ...more });
  }

  async #attempt(device: Device | undefined, outcome: string): Promise<Outcome> {
    const begun = await this.#begin(device);
    if (!begun.ok) return refusalOf(begun);
    const before = (await this.#door.events(this.#name)).length;
    const attemptId = String(begun.response.attemptId);
    const { response } = await this.#door.ask('EndAttempt', { attemptId, outcome: `OUTCOME_${outcome}` });
    const handed = response.deviceToken;
    if (device !== undefined && typeof handed === 'string' && handed !== '')
      this.#devices.set(device, handed);
    const event = (await this.#door.events(this.#name))[before];
    const isFailure = event?.type === 'user.human.password.check.failed';
    return isFailure ? `wrong ${(event.payload as JsonObject).attempts}` : 'ok';
  }

  async #signIn(device: Device | undefined, isRight: boolean): Promise<Outcome> {
    // The same wrong password again would not count.
    this.#guesses += 1;
    const deviceToken = device && this.#devices.get(device);
    const answer = await this.#door.ask('CreateSession', {
      checks: {
        user: { userId: this.#name },
        password: { password: isRight ? password : `wrong ${this.#guesses}` },
      },
      ...(deviceToken !== undefined && { deviceToken }),
    });
    const handed = answer.response.deviceToken;
    if (device !== undefined && typeof handed === 'string') this.#devices.set(device, handed);
    return outcomeOf(answer);
  }
}

function outcomeOf({ code, details: [detail] }: Answer): Outcome {
  if (code === 'OK') return 'ok';
  if (detail?.failedAttempts !== undefined) return `wrong ${detail.failedAttempts}`;
  return String(detail?.id ?? code);
}

// An application is told whether it is a lock.
function refusalOf(answer: Answer): Outcome {
  const outcome = outcomeOf(answer);
  return outcome === errors.signInLocked.id ? errors.signInNotActive.id : outcome;
}

function fold(events: readonly JsonObject[]): User | undefined {
  return events.reduce<User | undefined>((before, { type, payload = {}, creationDate, userId }) => {
    const at = { userId: parseUserId(String(userId)), createdAt: Date.parse(String(creationDate)) };
    return evolve(before, { type, payload } as unknown as UserEvent, at);
  }, undefined);
}
