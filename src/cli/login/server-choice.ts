import { existsSync, readFileSync } from 'node:fs';
import type { ClientEnvironment } from '../../app/config.ts';
import { UsageError } from '../../app/usage.ts';
import type { Arguments } from '../arguments.ts';
import { connectionOptions } from '../command.ts';
import { CliError, invalid } from '../failure.ts';
import { isLoopback } from '../loopback.ts';
import { readLogin, type SavedLogin } from './saved-login.ts';

/** The server that a command calls and the token that it shows there, each with where it comes from, for people. */
export interface ServerChoice {
  readonly url: URL;
  readonly urlFrom: string;
  readonly token: string;
  readonly tokenFrom: string;
  /** The file of the first start's token, where it is that one. */
  readonly tokenPath: string | undefined;
  readonly isOfLogin: boolean;
  readonly caPath: string | undefined;
}

/**
 * What the options say, else the environment, else the login. The login is one thing: its token goes to its own server and
 * to no other, and its server gets no other token than one that was given for it. Throws UsageError, CliError.
 */
export function chooseServer(args: Arguments, environment: ClientEnvironment): ServerChoice {
  const given = { url: args.text('url') ?? environment.url, token: args.text('token') ?? environment.token };
  const login =
    given.token === undefined || given.url === undefined ? loginOf(given, environment) : undefined;
  const urlFrom = urlSource(args, environment, login);
  const named = given.url === undefined && login !== undefined ? `the URL in ${urlFrom}` : urlFrom;
  const url = parseUrl(given.url ?? login?.url ?? connectionOptions.url.fallback, named);
  const own = login !== undefined && isSameServer(url, login) ? login : undefined;
  const caPath = args.text('ca') ?? own?.ca;
  const rest = { url, urlFrom, caPath };
  if (given.token !== undefined) {
    const tokenFrom = args.flag('token') ? '--token' : 'LATCHKEY_TOKEN';
    return { ...rest, ...ofNoFile, token: tokenOf(given.token, tokenFrom), tokenFrom };
  }
  if (own !== undefined) {
    const tokenFrom = String(environment.loginPath);
    return { ...rest, ...ofNoFile, token: tokenOf(own.token, tokenFrom), tokenFrom, isOfLogin: true };
  }
  const { token, tokenPath } = firstToken(url, environment, login);
  return { ...rest, token: tokenOf(token, tokenPath), tokenFrom: tokenPath, tokenPath, isOfLogin: false };
}

const ofNoFile = { tokenPath: undefined, isOfLogin: false } as const;

// Whoever names a token alone means the server that they would have meant without a login.
function loginOf(
  given: { readonly url: string | undefined; readonly token: string | undefined },
  { loginPath }: ClientEnvironment,
): SavedLogin | undefined {
  return given.token === undefined ? readLogin(loginPath) : undefined;
}

function isSameServer(url: URL, login: SavedLogin): boolean {
  return url.origin === new URL(login.url).origin;
}

function urlSource(args: Arguments, environment: ClientEnvironment, login: SavedLogin | undefined): string {
  if (args.flag('url')) return '--url';
  if (environment.url !== undefined) return 'LATCHKEY_URL';
  return login === undefined ? 'the default' : String(environment.loginPath);
}

/** `from`: what names it, such as `--url`, which is what a refusal is about. Throws UsageError. */
export function parseUrl(text: string, from: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isServer = url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
  if (isServer && url.pathname === '/' && url.search === '' && url.username === '') return url;
  if (url?.username || url?.password) {
    throw new UsageError(
      `${from} must be without a user name and a password: what a server wants is a token`,
    );
  }
  throw new UsageError(`${from} must be like http://127.0.0.1:8080 or https://host, not "${text}"`);
}

/** Without what stands around it. Neither the text itself nor a part of it is ever shown. Throws CliError. */
export function tokenOf(given: string, source: string): string {
  const token = given.trim();
  if (token === '') {
    throw invalid(`${source} is empty: a token is wanted, such as "latchkey token create" makes`);
  }
  // RFC 6750, section 2.1: what may stand behind "Bearer".
  if (!/^[\w.~+/-]+=*$/.test(token)) {
    const what = 'a space, a line end or another character that no token has';
    throw invalid(`${source} holds ${what}: give it one token and nothing else`);
  }
  return token;
}

/** The token that the first start left, for this machine's server alone: no other server is ever sent it. */
function firstToken(
  url: URL,
  environment: ClientEnvironment,
  login: SavedLogin | undefined,
): { token: string; tokenPath: string } {
  const { adminTokenPath: tokenPath } = environment;
  if (isLoopback(url) && existsSync(tokenPath)) return { token: readText(tokenPath), tokenPath };
  const elsewhere = login === undefined ? '' : ` (the login is for ${new URL(login.url).origin})`;
  const here = `, or LATCHKEY_DATA to the server's data folder (there is no ${tokenPath} here)`;
  throw new CliError({
    code: 'unauthenticated',
    message: `No token: set LATCHKEY_TOKEN${isLoopback(url) ? here : ''}; "latchkey login" keeps one${elsewhere}; on the server's own machine, --db FILE needs none`,
  });
}

/** Throws CliError. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`Cannot read ${path}: ${(error as Error).message}`, error);
  }
}
