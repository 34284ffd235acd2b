import { resolve } from 'node:path';
import { type ClientEnvironment, readClientEnvironment } from '../../app/config.ts';
import { UsageError } from '../../app/usage.ts';
import type { CallerRow } from '../backend.ts';
import { type CommandContext, connectionOptions } from '../command.ts';
import { Names } from '../eyes/names.ts';
import { CliError } from '../failure.ts';
import { isLoopback } from '../loopback.ts';
import { pairs } from '../output.ts';
import { askAtTerminal, readStdin } from '../secret-input.ts';
import { databaseOf, timeoutMsOf } from '../target.ts';
import { readLogin, removeLogin, type SavedLogin, saveLogin } from './saved-login.ts';
import { chooseServer, parseUrl, readText, tokenOf } from './server-choice.ts';

/** Asks for what is missing, asks the server, and keeps it. Throws UsageError, CliError. */
export async function login(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const environment = readClientEnvironment();
  const { loginPath: path } = environment;
  if (path === undefined) throw new UsageError('no folder to keep it in: set HOME or XDG_CONFIG_HOME');
  const given = await askFor(context, namedUrl(context, environment));
  const server = parseUrl(given.url, given.urlFrom);
  if (server.protocol === 'http:' && !isLoopback(server))
    await output.note(`http to ${server.host} is in the clear: whoever is on the way reads the token`);
  const caPath = args.text('ca');
  const token = tokenOf(given.token, given.source);
  const asked = { url: server, token, caPath, timeoutMs: timeoutMsOf(args) };
  const { caller, lines } = await callerOf(context, asked);
  const saved: SavedLogin = {
    url: server.origin,
    token,
    ...(caPath !== undefined && { ca: resolve(caPath) }),
  };
  saveLogin(path, saved);
  await output.document({ url: server.origin, ...caller, file: path }, [
    `logged in to ${server.origin}`,
    ...lines,
    ...pairs({ 'kept in': path }),
  ]);
  const winning = (['LATCHKEY_URL', 'LATCHKEY_TOKEN', 'LATCHKEY_DB'] as const).filter(
    (name) => environment[variables[name]] !== undefined,
  );
  if (winning.length > 0) await output.note(`${winning.join(', ')} of the environment goes before it`);
}

const variables = { LATCHKEY_URL: 'url', LATCHKEY_TOKEN: 'token', LATCHKEY_DB: 'db' } as const;

type NamedUrl = Pick<Given, 'url' | 'urlFrom'>;

function namedUrl({ args }: CommandContext, environment: ClientEnvironment): NamedUrl | undefined {
  const [operand] = args.operands;
  const option = args.text('url');
  if (operand !== undefined && option !== undefined) throw new UsageError('give the URL once');
  if (operand !== undefined) return { url: operand, urlFrom: 'the URL' };
  if (option !== undefined) return { url: option, urlFrom: '--url' };
  return environment.url === undefined ? undefined : { url: environment.url, urlFrom: 'LATCHKEY_URL' };
}

interface Given {
  readonly url: string;
  /** What names it, for people. */
  readonly urlFrom: string;
  readonly token: string;
  /** Where the token is from. */
  readonly source: string;
}

async function askFor({ args, terminal }: CommandContext, known: NamedUrl | undefined): Promise<Given> {
  const { fallback } = connectionOptions.url;
  const tokenFile = args.text('token-file');
  const server = known ?? { url: fallback, urlFrom: 'the default' };
  if (tokenFile !== undefined) {
    return { ...server, token: readText(tokenFile), source: tokenFile };
  }
  if (!terminal.input.isTTY) {
    return { ...server, token: await readStdin(terminal.input), source: 'stdin' };
  }
  const question = { question: `Server [${fallback}]`, isShown: true } as const;
  const answers = await askAtTerminal(terminal, [
    ...(known === undefined ? [question] : []),
    { question: 'Token' },
  ]);
  const [asked = ''] = answers;
  const answered = { url: asked.trim() || fallback, urlFrom: 'the server' };
  return { ...(known ?? answered), token: answers.at(-1) ?? '', source: 'the answer' };
}

interface CallerOf {
  readonly url: URL;
  readonly token: string;
  readonly caPath: string | undefined;
  readonly timeoutMs: number;
}

async function callerOf(context: CommandContext, { caPath, ...target }: CallerOf) {
  const { openRemote } = await import('../remote/remote.ts');
  const of = { tokenPath: undefined, isOfLogin: false, reason: undefined, urlFrom: undefined };
  const certified = caPath === undefined ? undefined : Buffer.from(readText(caPath));
  const { proxy } = readClientEnvironment();
  await using backend = openRemote({ ...target, ...of, ca: certified, proxy });
  const caller = await backend.getCaller();
  const lines = await callerLines(caller, { ...context, backend: () => Promise.resolve(backend) });
  return { caller, lines };
}

/** Forgets it. Throws CliError. */
export async function logout({ output }: CommandContext): Promise<void> {
  const { loginPath: path } = readClientEnvironment();
  const server = path === undefined ? undefined : urlOf(path);
  const wasIn = path !== undefined && removeLogin(path);
  await output.document({ loggedOut: wasIn, ...(server !== undefined && { url: server }) }, [
    wasIn ? `logged out${server === undefined ? '' : ` of ${server}`}` : 'nobody is logged in',
  ]);
  if (wasIn) await output.note('the token goes on until it expires: "latchkey token revoke" ends it');
}

// Whatever is wrong with the file, it can be removed.
function urlOf(path: string): string | undefined {
  try {
    return readLogin(path)?.url;
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

/** Tells who asks, and where URL and token come from. Throws UsageError, CliError. */
export async function whoami(context: CommandContext): Promise<void> {
  const environment = readClientEnvironment();
  const database = databaseOf(context.args, environment);
  const caller = await (await context.backend()).getCaller();
  const from =
    database === undefined
      ? sourcesOf(context)
      : { databaseFrom: context.args.flag('db') ? '--db' : 'LATCHKEY_DB' };
  await context.output.document({ ...caller, ...from }, [
    ...(await callerLines(caller, context)),
    ...pairs({
      server: 'url' in from ? `${from.url} (${from.urlFrom})` : undefined,
      token: 'url' in from ? `from ${from.tokenFrom}` : undefined,
      database: 'url' in from ? undefined : `named by ${from.databaseFrom}`,
    }),
  ]);
}

function sourcesOf({ args }: CommandContext) {
  const { url: server, urlFrom, tokenFrom } = chooseServer(args, readClientEnvironment());
  return { url: server.origin, urlFrom, tokenFrom };
}

async function callerLines(caller: CallerRow, context: CommandContext): Promise<readonly string[]> {
  const { userId, loginName, subject, osUser, organizationId, grants, permissions, expires } = caller;
  const names = new Names(context);
  const seen = [organizationId, ...grants.map((grant) => grant.organizationId)];
  await names.learn({ organizations: seen.map((id) => id || undefined) });
  const roles = grants.map(
    (grant) => grant.role + (grant.organizationId ? ` on ${names.organization(grant.organizationId)}` : ''),
  );
  const held = permissions.map(({ permission }) => permission);
  return pairs({
    user: userId,
    'login name': loginName,
    subject,
    'system user': osUser,
    organization: organizationId && names.organization(organizationId),
    roles: roles.length === 0 ? 'none' : roles.join(', '),
    permissions: held.length === 0 ? 'none' : held.join(', '),
    'token ends': context.output.time(expires),
  });
}
