import type { EventType } from './events.ts';

// By name, so that the compiler misses the one that is forgotten.
const known: Readonly<Record<EventType, true>> = {
  'organization.added': true,
  'policy.lockout.changed': true,
  'policy.lockout.removed': true,
  'user.attempt.abandoned': true,
  'unlock.run.ended': true,
  'unlock.run.started': true,
  'user.deactivated': true,
  'user.erased': true,
  'user.external.added': true,
  'user.external.id.changed': true,
  'user.grant.added': true,
  'user.grant.removed': true,
  'user.human.added': true,
  'user.human.email.changed': true,
  'user.human.email.verified': true,
  'user.human.password.changed': true,
  'user.human.password.check.failed': true,
  'user.human.password.check.succeeded': true,
  'user.human.phone.changed': true,
  'user.human.phone.removed': true,
  'user.human.profile.changed': true,
  'user.lock.reason.removed': true,
  'user.locked': true,
  'user.machine.added': true,
  'user.machine.changed': true,
  'user.metadata.removed': true,
  'user.metadata.set': true,
  'user.pat.added': true,
  'user.pat.removed': true,
  'user.reactivated': true,
  'user.removed': true,
  'user.unlocked': true,
  'user.human.email.code.added': true,
  'user.human.phone.code.added': true,
  'user.human.password.code.added': true,
  'user.username.changed': true,
};

/** Every type of event that the log may hold. */
export const eventTypes: readonly string[] = Object.keys(known);
