import type { CodeKind, StoredCode } from '../../domain/code.ts';
import type { UserEvent } from '../../domain/events.ts';
import type { Row } from './rows.ts';

/** A row of the codes table. */
export function parseCode(row: Row): StoredCode {
  return {
    kind: row.kind as CodeKind,
    digest: row.digest as string,
    expiresAt: row.expires_at as number,
    tries: row.tries as number,
  };
}

/** Which codes are void by the event: what they prove is another now, or nobody may use any. */
export function codesEndedBy({ type }: UserEvent): CodeKind | 'all' | undefined {
  return ended.get(type);
}

const ended: ReadonlyMap<string, CodeKind | 'all'> = new Map<UserEvent['type'], CodeKind | 'all'>([
  ['user.locked', 'all'],
  ['user.deactivated', 'all'],
  ['user.removed', 'all'],
  ['user.human.email.changed', 'email'],
  ['user.human.email.verified', 'email'],
  ['user.human.phone.changed', 'phone'],
  ['user.human.phone.removed', 'phone'],
  ['user.human.password.changed', 'password'],
]);
