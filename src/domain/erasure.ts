import type { EventMeta, EventType, RecordedEvent } from './events.ts';
import type { UnlockRun } from './unlock-run.ts';

/**
 * What of a payload names no person, by the type of the event: all that is left of it when its user is erased. What the
 * fold needs to come to a deleted user is among it. A profile keeps its kind alone.
 */
const kept: Readonly<Record<EventType, readonly string[]>> = {
  'organization.added': ['organizationId', 'name', 'domain'],
  'policy.lockout.changed': ['organizationId', 'policy'],
  'policy.lockout.removed': ['organizationId'],
  'unlock.run.ended': ['runId', 'state', 'total', 'counts'],
  'unlock.run.started': ['runId', 'total', 'filter', 'revertsRunId'],
  'user.attempt.abandoned': ['abandoned'],
  'user.deactivated': [],
  'user.erased': [],
  'user.external.added': ['organizationId', 'state', 'profile'],
  'user.external.id.changed': [],
  'user.external.id.removed': [],
  'user.grant.added': ['role', 'organizationId'],
  'user.grant.removed': ['role', 'organizationId'],
  'user.human.added': ['organizationId', 'state', 'profile', 'password'],
  'user.human.email.changed': [],
  'user.human.email.code.added': ['expiresAt'],
  'user.human.email.verified': [],
  'user.human.password.changed': ['changeRequired', 'failuresStay'],
  'user.human.password.check.failed': ['attempts'],
  'user.human.password.check.succeeded': [],
  'user.human.password.code.added': ['expiresAt'],
  'user.human.phone.changed': [],
  'user.human.phone.code.added': ['expiresAt'],
  'user.human.phone.removed': [],
  'user.human.profile.changed': [],
  'user.lock.reason.removed': [],
  'user.locked': ['cause', 'until', 'lockedBy', 'failedAttempts', 'runId'],
  'user.machine.added': ['organizationId', 'state', 'profile'],
  'user.machine.changed': [],
  'user.metadata.removed': [],
  'user.metadata.set': [],
  'user.pat.added': ['tokenId', 'expiresAt'],
  'user.pat.removed': ['tokenId'],
  'user.reactivated': [],
  'user.removed': [],
  'user.unlocked': ['cause', 'generation', 'runId'],
  'user.username.changed': [],
};

/** What is left of an event of a user who is erased: that it happened, when, and by whom. */
export function erasedEvent(event: RecordedEvent): RecordedEvent {
  const names = kept[event.type] ?? [];
  const left = Object.entries(event.payload).filter(([name]) => names.includes(name));
  const payload = Object.fromEntries(
    left.map(([name, value]) => [name, name === 'profile' ? { kind: kindOf(value) } : value]),
  );
  return { ...event, payload, meta: actorOf(event.meta) };
}

/** Whether nothing would be taken from it. */
export function isErased({ type, payload, meta }: RecordedEvent): boolean {
  const names = kept[type] ?? [];
  return (
    Object.keys(meta).every(isOfActor) &&
    Object.keys(payload).every((name) => names.includes(name)) &&
    (payload.profile === undefined || Object.keys(Object(payload.profile)).length === 1)
  );
}

/** What whoever locks or unlocks writes, once or for many. */
const said: Readonly<Partial<Record<EventType, readonly string[]>>> = {
  'user.locked': ['reason', 'requestId'],
  'user.unlocked': ['ticket', 'identification', 'requestId'],
  'unlock.run.started': ['ticket', 'identification', 'filter'],
  'unlock.run.ended': ['ticket'],
};

/** What is left of an event of somebody else, which the erased user caused: no address, no client, no words of theirs. */
export function erasedAct(event: RecordedEvent): RecordedEvent {
  const left = Object.entries(event.payload).filter(([name]) => !isSaid(event, name));
  return { ...event, payload: Object.fromEntries(left), meta: actorOf(event.meta) };
}

/** Whether nothing would be taken from it. */
export function isErasedAct(event: RecordedEvent): boolean {
  return (
    Object.keys(event.meta).every(isOfActor) &&
    !Object.keys(event.payload).some((name) => isSaid(event, name))
  );
}

const isSaid = ({ type }: RecordedEvent, name: string): boolean => said[type]?.includes(name) ?? false;

/** A run that the erased user started: what it did to whom is left. */
export function erasedRun(run: UnlockRun): UnlockRun {
  const { ticket: _ticket, identification: _identification, filter: _filter, ...left } = run;
  return { ...left, meta: actorOf(run.meta) };
}

/** Whether nothing would be taken from it. */
export function isErasedRun({ meta, ticket, identification, filter }: UnlockRun): boolean {
  const said = [ticket, identification, filter];
  return said.every((each) => each === undefined) && Object.keys(meta).every(isOfActor);
}

/** A run that the erased user cancelled: what whoever started it has said is theirs. */
export function erasedCancel(run: UnlockRun): UnlockRun {
  return { ...run, ...(run.cancelledBy && { cancelledBy: actorOf(run.cancelledBy) }) };
}

/** Whether nothing would be taken from it. */
export function isErasedCancel({ cancelledBy = {} }: UnlockRun): boolean {
  return Object.keys(cancelledBy).every(isOfActor);
}

// Every fact that names an actor begins with the word.
const isOfActor = (name: string): boolean => name.startsWith('actor');

function actorOf(meta: EventMeta): EventMeta {
  return Object.fromEntries(Object.entries(meta).filter(([name]) => isOfActor(name)));
}

function kindOf(profile: unknown): unknown {
  return typeof profile === 'object' && profile !== null && 'kind' in profile ? profile.kind : undefined;
}
