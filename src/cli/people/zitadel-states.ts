import { readFileSync } from 'node:fs';
import { UsageError } from '../../app/usage.ts';
import type { ImportedUser } from '../../commands/import-users.ts';
import { CliError, invalid } from '../failure.ts';
import { isLoopback } from '../loopback.ts';
import { type Members, parseMembers } from './members.ts';
import { RowFault } from './person.ts';

/** Where a living instance tells in which state its users are. */
export interface StatesSource {
  readonly url: URL;
  readonly token: string;
}

/** By user id; who is not in it is active. */
export type States = ReadonlyMap<string, ImportedUser['state']>;

/** The source that the options name. Throws UsageError, CliError. */
export function statesSourceOf(url: string, tokenFile: string | undefined): StatesSource {
  if (tokenFile === undefined) {
    throw new UsageError('--states-url goes with --states-token-file: a token that may read all users there');
  }
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError('--states-url must be a URL such as https://zitadel.example');
  }
  if (parsed.protocol === 'http:' && !isLoopback(parsed)) {
    throw new UsageError('--states-url must begin with https: on the way the token would be read by anybody');
  }
  const token = readToken(tokenFile);
  // RFC 6750, section 2.1. What else a header would refuse, its error would repeat.
  if (!/^[\w.~+/-]+=*$/.test(token)) {
    throw invalid(`${tokenFile} holds a character that no token has: give it one token and nothing else`);
  }
  return { url: parsed, token };
}

function readToken(tokenFile: string): string {
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw invalid(`Cannot read --states-token-file ${tokenFile}: ${why}`, error);
  }
}

const pageLimit = 1_000;
const pagesMax = 10_000;
const timeoutMs = 30_000;
/** A page of a thousand users has about a thirtieth of it. */
const answerBytesMax = 33_554_432;

const states: ReadonlyMap<string | undefined, ImportedUser['state']> = new Map([
  ['USER_STATE_ACTIVE', 'active'],
  ['USER_STATE_INACTIVE', 'inactive'],
  ['USER_STATE_LOCKED', 'locked'],
  ['USER_STATE_INITIAL', 'initial'],
]);

/** Pages through ListUsers of version 2 of the user API. Throws CliError. */
export async function readStates(source: StatesSource): Promise<States> {
  const found = new Map<string, ImportedUser['state']>();
  for (let page = 0; page < pagesMax; page += 1) {
    const users = (await askPage(source, page * pageLimit)).list('result');
    for (const user of users) {
      const state = states.get(user.text('state'));
      const userId = user.text('userId');
      // Whoever may not sign in there must not come as active because of a word that is not known here.
      if (state === undefined) throw unreadable(source, 'it lists a user in a state that is not known here');
      if (userId !== undefined) found.set(userId, state);
    }
    if (users.length < pageLimit) return found;
  }
  throw invalid(`${source.url.origin} lists users without an end`);
}

async function askPage({ url, token }: StatesSource, offset: number): Promise<Members> {
  const query = { offset: String(offset), limit: pageLimit, asc: true };
  const body = JSON.stringify({ query, sortingColumn: 'USER_FIELD_NAME_CREATION_DATE' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const failed = (why: string, error?: unknown) => unreadable({ url }, why, error);
  try {
    const options = { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) };
    const answer = await fetch(new URL('v2/users', withSlash(url)), { ...options, redirect: 'error' });
    if (!answer.ok) throw failed(`it answers ${answer.status} to ListUsers`);
    const text = await boundedText(answer);
    if (text === undefined) throw failed(`its answer has more than ${answerBytesMax} bytes`);
    return parseMembers(text);
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (error instanceof RowFault) throw failed('its answer is no JSON', error);
    const { cause, message } = error instanceof Error ? error : new Error(String(error));
    throw failed(cause instanceof Error ? cause.message : message, error);
  }
}

function unreadable({ url }: Pick<StatesSource, 'url'>, why: string, error?: unknown): CliError {
  const message = `The states cannot be read from ${url.origin}: ${why}`;
  return new CliError({ code: 'unavailable', message }, error);
}

/** undefined: too much. What is beyond is not read. */
async function boundedText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withSlash(url: URL): URL {
  return url.pathname.endsWith('/') ? url : new URL(`${url.href}/`);
}
