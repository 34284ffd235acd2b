import type { RecordedEvent } from '../../src/domain/events.ts';
import type { UserId } from '../../src/domain/ids.ts';
import type { Store } from '../../src/store/store.ts';

/** Every event of one user, oldest first, however many. */
export async function historyOf(store: Store, userId: string): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let page: readonly RecordedEvent[] | undefined; page === undefined || page.length > 0; ) {
    const afterPosition = events.at(-1)?.position ?? 0;
    page = await store.listEvents({ afterPosition, limit: 1_000, userId: userId as UserId });
    events.push(...page);
  }
  return events;
}

/** Event → the states it may come in, and the one it leaves behind; by hand from the contract, not from the code. */
const law: Readonly<Record<string, { readonly from: readonly string[]; readonly to: string }>> = {
  'user.machine.added': { from: ['never', 'deleted'], to: 'active' },
  'user.locked': { from: ['initial', 'active'], to: 'locked' },
  'user.unlocked': { from: ['locked'], to: 'active' },
  'user.deactivated': { from: ['active', 'locked'], to: 'inactive' },
  'user.reactivated': { from: ['inactive'], to: 'active' },
  'user.removed': { from: ['initial', 'active', 'inactive', 'locked'], to: 'deleted' },
};

/** Walks a machine's history through the table. Answers the state it ends in; throws at the first event out of place. */
export function replay(events: readonly RecordedEvent[]): string {
  let state = 'never';
  for (const [index, { type, sequence }] of events.entries()) {
    const step = law[type];
    if (sequence !== index + 1) throw new Error(`sequence ${sequence} in the place of ${index + 1}`);
    if (step === undefined || !step.from.includes(state))
      throw new Error(`${sequence}: ${type} of a user ${state}`);
    state = step.to;
  }
  return state;
}
