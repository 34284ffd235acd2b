import { useEffect, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { admin, whenSignedOut } from './api.ts';
import { serverNow, setServerTime } from './clock.ts';
import { forgetLoaded } from './load.ts';

/** What the server says before anybody has signed in. */
interface Facts {
  /** The company's own sign-on is to be had. */
  readonly signOn: boolean;
  readonly reason: 'required' | 'optional';
}

/** By the server's clock, in milliseconds since 1970. */
interface Ends {
  readonly endsAt: number;
  readonly idleEndsAt: number;
  readonly version: string;
}

export type Session =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreached' }
  | { readonly kind: 'out'; readonly facts: Facts; readonly isOver: boolean }
  | { readonly kind: 'in'; readonly facts: Facts; readonly ends: Ends; readonly me: GetCallerResponse };

const renewAfterMs = 60_000;

let session: Session = { kind: 'unknown' };
let renewedAt = 0;
const listeners = new Set<() => void>();

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

/** The token goes into a cookie that this page cannot read; an answer that is no success is thrown, in words. */
async function ask(verb: string, path: string, body: object): Promise<Response> {
  const response = await fetch(`/console/${path}`, {
    method: verb,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.ok) return response;
  const { message = response.statusText } = (await response.json().catch(() => ({}))) as { message?: string };
  throw new Refused(message, response.status);
}

class Refused extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Finds out whether somebody is signed in here. */
export async function beginSession(): Promise<void> {
  try {
    const answer = await fetch('/console/session');
    const facts = (await answer.json()) as Facts & { readonly now: number };
    setServerTime(facts.now);
    set({ kind: 'out', facts, isOver: false });
    await enter(ask('POST', 'session/renew', {}), facts);
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) set({ kind: 'unreached' });
  }
}

/** Throws an Error with what the server says. */
export async function signIn(token: string): Promise<void> {
  if (session.kind !== 'out') return;
  await enter(ask('POST', 'session', { token }), session.facts);
}

/** Leaves for the company's sign-on, which sends the browser back. */
export async function signOn(): Promise<void> {
  const { url } = (await (await ask('POST', 'sign-on', {})).json()) as { readonly url: string };
  location.assign(url);
}

export async function signOut(): Promise<void> {
  await ask('DELETE', 'session', {});
  leave(false);
}

function leave(isOver: boolean): void {
  if (session.kind !== 'in') return;
  forgetLoaded();
  set({ kind: 'out', facts: session.facts, isOver });
}

async function enter(answer: Promise<Response>, facts: Facts): Promise<void> {
  const ends = (await (await answer).json()) as Ends & { readonly now: number };
  renewedAt = Date.now();
  setServerTime(ends.now);
  const me = await admin.getCaller({});
  set({ kind: 'in', facts, ends, me });
}

/** Somebody is there: the session goes on. Asked once a minute at most. */
export function stayAwake(): void {
  if (session.kind !== 'in' || Date.now() < renewedAt + renewAfterMs) return;
  renewNow();
}

/** The same, whenever it was asked last. */
export function renewNow(): void {
  if (session.kind !== 'in') return;
  renewedAt = Date.now();
  const { facts } = session;
  enter(ask('POST', 'session/renew', {}), facts).catch((error: unknown) => {
    if (error instanceof Refused && error.status === 401) leave(true);
  });
}

/** The session as it is, anew whenever it changes. */
export function useSession(): Session {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const listener = () => setTurn((before) => before + 1);
    listeners.add(listener);
    // It may have changed between the first look and this.
    listener();
    return () => void listeners.delete(listener);
  }, []);
  return session;
}

/** Keeps the session alive while somebody works, and ends it here when it has ended there. */
export function watchSession(): void {
  whenSignedOut(() => leave(true));
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, stayAwake, { passive: true });
  setInterval(() => {
    if (session.kind === 'in' && serverNow() >= session.ends.idleEndsAt) leave(true);
  }, 1_000);
}

/** Why the person may not do it there, in words; undefined: they may. */
export function whyNot(
  me: GetCallerResponse,
  permission: string,
  organizationId: string,
): string | undefined {
  const held = me.permissions.find((one) => one.permission === permission);
  if (held !== undefined && (held.everywhere || held.organizationIds.includes(organizationId)))
    return undefined;
  return `This takes the permission ${permission} in their organization, which you do not have.`;
}
