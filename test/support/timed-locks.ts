import type { App } from '../../src/app/app.ts';
import { systemCaller } from '../../src/auth/caller.ts';
import { changeUser } from '../../src/commands/change-user.ts';
import { lockedBy } from '../../src/commands/user-state.ts';
import { parseUserId } from '../../src/domain/ids.ts';

const operator = systemCaller('operator');

/** Locks until then (milliseconds since 1970), as the operator at the machine would. */
export async function lockUntil(app: App, userId: string, until: number): Promise<void> {
  const rule = {
    userId: parseUserId(userId),
    permission: 'user.write',
    notFound: 'lockUserNotFound',
  } as const;
  await changeUser(app, operator, rule, (user) => ({ events: [lockedBy(operator, user, { until })] }));
}
