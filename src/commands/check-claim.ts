import { leaseLeftMs } from '../domain/lease.ts';
import type { User } from '../domain/user.ts';
import type { SignInApp } from './sign-in-facts.ts';

type ClaimApp = Pick<SignInApp, 'store' | 'now' | 'signIns'>;

/**
 * How long a claim lasts unless it is renewed: for so long a server that dies in the middle of a check holds up its user,
 * which is less than others wait. No check of ours depends on it: where a claim ends too soon, two servers do the same work,
 * and the append, which compares the version, records the check of one alone. An application's attempt does: what it has
 * checked is counted, whatever the version.
 */
export const claimMs = 5_000;
const renewMs = 1_500;
/** With less left of a claim, it is asked for again before a check is recorded. */
const leftMsMin = 1_000;

/** A server's right to check this user's password, at this version of the row. */
export interface CheckClaim extends AsyncDisposable {
  /** Whether nobody else may be checking: false where it was over, and somebody else has one by now. */
  holds(): Promise<boolean>;
  /** Nothing was recorded, and the row stands as it did: others need not wait for the claim to end. */
  letGo(): Promise<void>;
}

/** undefined: another server has it. Kept until it is disposed, for as long as the check may wait for a thread. */
export async function claimCheck(app: ClaimApp, user: User): Promise<CheckClaim | undefined> {
  let untilMs = 0;
  const claim = async (): Promise<boolean> => {
    const askedMs = app.now();
    const isGranted = await ask(app, user, claimMs);
    if (isGranted) untilMs = askedMs + claimMs;
    return isGranted;
  };
  if (!(await claim())) return undefined;
  let underWay: Promise<unknown> | undefined;
  let timer: NodeJS.Timeout;
  const wait = () => {
    timer = setTimeout(renew, nextRenewalMs()).unref();
  };
  const renew = () => {
    // One at a time: where the store does not answer, the append will say so, and has no row of them to wait for.
    underWay ??= claim()
      .catch(() => false)
      .finally(() => {
        underWay = undefined;
      });
    wait();
  };
  wait();
  return {
    holds: async () => leaseLeftMs(untilMs, { nowMs: app.now(), msMax: claimMs }) > leftMsMin || claim(),
    async letGo() {
      clearTimeout(timer);
      await underWay;
      await ask(app, user, 0).catch(() => false);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      // A late one would stand in the way of the next check.
      await underWay;
    },
  };
}

// At the same moments for all claims of a server, half to one and a half times that far away: hundreds that wait for a
// thread are renewed in one commit.
function nextRenewalMs(): number {
  const leftMs = renewMs - (performance.now() % renewMs);
  return leftMs < renewMs / 2 ? leftMs + renewMs : leftMs;
}

function ask(app: ClaimApp, { userId, sequence }: User, forMs: number): Promise<boolean> {
  const nowMs = app.now();
  const { serverId: holder } = app.signIns;
  return app.store.claimCheck({ userId, sequence, holder, nowMs, until: nowMs + forMs });
}
