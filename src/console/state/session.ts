import { Code, ConnectError } from '@connectrpc/connect';
import { useEffect, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { admin, whenSignedOut } from './api.ts';
import { type Moment, passedSince, serverNow, setServerTime, thisMoment } from './clock.ts';
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

const askTimeoutMs = 20_000;

let session: Session = { kind: 'unknown' };
let renewedAt: Moment = thisMoment();
const listeners = new Set<() => void>();
const name = 'latchkey-session';
// The cookie is the browser's: what becomes of it in one tab holds in all. A `News`, or empty: somebody has signed out.
const channel = new BroadcastChannel(name);

interface News {
  readonly who: string;
  readonly ends: Ends;
}

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

/**
 * One at a time in all tabs, so that no renewal under way brings back the cookie of somebody who signs out. Where there
 * are no such locks (an unencrypted page of another machine), nobody can sign in.
 */
async function inTurn(work: () => Promise<void>): Promise<void> {
  await (navigator.locks === undefined ? work() : navigator.locks.request(name, work));
}

/** The token goes into a cookie that this page cannot read; an answer that is no success is thrown, in words. */
async function ask(verb: string, path: string, body: object): Promise<Response> {
  const response = await fetch(`/console/${path}`, {
    method: verb,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(askTimeoutMs),
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
  let facts: Facts | undefined;
  try {
    facts = await loadFacts();
    await enter('session/renew', {}, facts);
  } catch (error) {
    // Who may not go on may sign in, and is told then what stands in the way.
    set(
      facts !== undefined && isRefusal(error) ? { kind: 'out', facts, isOver: false } : { kind: 'unreached' },
    );
  }
}

async function loadFacts(): Promise<Facts> {
  const asked = thisMoment();
  const answer = await fetch('/console/session', { signal: AbortSignal.timeout(askTimeoutMs) });
  if (!answer.ok) throw new Refused(answer.statusText, answer.status);
  const { now, ...facts } = (await answer.json()) as Facts & { readonly now: number };
  setServerTime(now, asked);
  return facts;
}

/** An answer about who asks, not one of a server that cannot. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Refused) return error.status < 429;
  return ConnectError.from(error).code === Code.Unauthenticated;
}

/** Throws an Error with what the server says. */
export async function signIn(token: string): Promise<void> {
  if (session.kind !== 'out') return;
  await enter('session', { token }, session.facts);
}

/** Leaves for the company's sign-on, which sends the browser back. */
export async function signOn(): Promise<void> {
  const { url } = (await (await ask('POST', 'sign-on', {})).json()) as { readonly url: string };
  location.assign(url);
}

export async function signOut(): Promise<void> {
  await inTurn(async () => {
    await ask('DELETE', 'session', {});
    leave(false);
    channel.postMessage('');
  });
}

function leave(isOver: boolean): void {
  if (session.kind !== 'in') return;
  forgetLoaded();
  set({ kind: 'out', facts: session.facts, isOver });
}

async function enter(path: string, body: object, facts: Facts): Promise<void> {
  await inTurn(async () => {
    const asked = thisMoment();
    renewedAt = asked;
    const { now, ...ends } = (await (await ask('POST', path, body)).json()) as Ends & {
      readonly now: number;
    };
    setServerTime(now, asked);
    const me = await admin.getCaller({});
    const news: News = { who: whoIs(me), ends };
    channel.postMessage(JSON.stringify(news));
    if (isAnother(news.who)) beginAnew();
    else set({ kind: 'in', facts, ends, me });
  });
}

const whoIs = ({ userId, subject }: GetCallerResponse) => userId || subject;

/** Somebody else than this page was made for. */
function isAnother(who: string): boolean {
  return session.kind === 'in' && who !== whoIs(session.me);
}

/** Nothing stays of whoever was here: what the page shows and holds was theirs, and what is done in it would be another's. */
function beginAnew(): void {
  forgetLoaded();
  set({ kind: 'unknown' });
  location.reload();
}

/** What another tab has done to the session. */
function hear(text: string): void {
  if (session.kind !== 'in') return;
  const news = text === '' ? undefined : (JSON.parse(text) as News);
  if (news === undefined) leave(false);
  else if (isAnother(news.who)) beginAnew();
  else set({ ...session, ends: news.ends });
}

/** A page that was out of sight, or asleep, may have heard nothing: whose session it is by now is asked. */
async function lookAgain(): Promise<void> {
  if (session.kind !== 'in' || document.visibilityState !== 'visible') return;
  const me = await admin.getCaller({}).catch(() => undefined);
  if (me !== undefined && isAnother(whoIs(me))) beginAnew();
}

/** Somebody is there: the session goes on. Asked once a minute at most. */
function stayAwake(): void {
  if (session.kind !== 'in' || passedSince(renewedAt) < renewAfterMs) return;
  renewNow();
}

/** The same, whenever it was asked last. */
export function renewNow(): void {
  if (session.kind !== 'in') return;
  // At once: a second key waits for no answer.
  renewedAt = thisMoment();
  enter('session/renew', {}, session.facts).catch((error: unknown) => {
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
  channel.onmessage = ({ data }: MessageEvent<string>) => hear(data);
  document.addEventListener('visibilitychange', () => void lookAgain());
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
