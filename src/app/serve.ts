import { existsSync, readFileSync } from 'node:fs';
import { claimPort } from '../server/port/claim.ts';
import { schemaVersion } from '../store/sql/schema-version.ts';
import { type App, openApp } from './app.ts';
import { adminTokenPath, type ServeConfig, unknownVariables } from './config.ts';
import { type FirstRun, firstRun } from './first-run.ts';
import { keepCallsYoung } from './heap.ts';
import { osUserName } from './os-user.ts';
import { type RunningServer, startServer } from './start-server.ts';
import { readVersion } from './version.ts';

/**
 * `latchkey serve`: takes the port, opens the database (making it on the first run), serves until SIGTERM or SIGINT, or
 * until the store cannot go on, drains, and answers the exit code. Throws StoreUnusable, TlsUnusable, and the listener's
 * error where the port cannot be had: then nothing has been made.
 */
export async function serve(config: ServeConfig): Promise<number> {
  await using claim = await claimPort(config);
  await using app = await openApp(config);
  for (const text of unknownVariables()) app.log.warn(text);
  const first = await firstRun(app, {
    dataFolder: config.dataFolder,
    adminTokenFile: config.adminTokenFile,
    osUser: osUserName(),
    demo: config.demo,
    isWatched: process.stderr.isTTY === true,
  });
  const stopped = signalled(['SIGTERM', 'SIGINT']);
  await using server = await startServer(app, config, claim);
  keepCallsYoung();
  const reload = () => void server.reloadTls();
  process.on('SIGHUP', reload);
  process.stdout.write(await welcome(app, config, { server, first }));
  const facts = { version: readVersion(), schema: schemaVersion, node: process.versions.node };
  const { url, metricsUrl: metrics } = server;
  app.log.info({ ...facts, url, metrics, database: app.databaseName }, 'serving');
  const signal = await Promise.race([stopped, app.failed.then(() => undefined)]);
  process.off('SIGHUP', reload);
  app.log.info({ signal, drainTimeoutMs: config.drainTimeoutMs }, 'stopping: calls in flight finish');
  // Its supervisor starts it again.
  return signal === undefined ? 1 : 0;
}

function signalled(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, resolve);
  });
}

interface Started {
  readonly server: RunningServer;
  readonly first: FirstRun | undefined;
}

async function welcome(app: App, config: ServeConfig, { server, first }: Started): Promise<string> {
  const lines = [`Latchkey serves every protocol at ${server.url}`];
  if (config.console !== undefined) lines.push(`a console for people at ${server.url}/console/`);
  lines.push(`and a page about every call at ${server.url}/docs/`);
  lines.push('');
  if (first !== undefined) lines.push(...introduction(first));
  if (config.demo) lines.push(...(await commands(app, config, server.url)));
  return `${lines.join('\n')}\n`;
}

function introduction(first: FirstRun): readonly string[] {
  const people = first.people.map(({ userId, name, note }) => `  ${userId}  ${name.padEnd(18)} ${note}`);
  return [
    `First run: organization ${first.organizationId}, an administrator, and this token:`,
    '',
    `  ${first.token}`,
    '',
    first.isGiven
      ? `It is the one that stood in ${first.tokenPath}.`
      : `It is kept in ${first.tokenPath} (mode 0600).`,
    ...(people.length > 0 ? ['', 'People:', ...people] : []),
    '',
  ];
}

// One locked user for each command, so that each of them has something to unlock.
async function commands(app: App, config: ServeConfig, url: string): Promise<readonly string[]> {
  const path = config.adminTokenFile ?? adminTokenPath(config.dataFolder);
  if (!existsSync(path))
    return [`No token in ${path}: make one with "latchkey token create USER_ID --db FILE".`, ''];
  const token = readFileSync(path, 'utf8').trim();
  const { rows } = await app.store.listUsers({
    scope: 'all',
    filters: [{ kind: 'state', state: 'locked' }],
    sort: 'creation_date',
    page: { offset: 0, limit: unlockCommands.length, ascending: true },
  });
  // What is to be pasted into a shell holds no character that a shell reads.
  const userIds = rows.map(({ user }) => user.userId).filter((userId) => /^[\w.-]+$/.test(userId));
  if (userIds.length === 0) return ['Nobody is locked. Lock somebody: npx latchkey user lock USER_ID', ''];
  const lines = unlockCommands.map(({ title, line }, index) => {
    const userId = userIds[index % userIds.length] ?? '';
    return `# ${title}\n${line({ url, token, userId })}\n`;
  });
  return ['Unlock somebody:', '', ...lines];
}

interface CommandFacts {
  readonly url: string;
  readonly token: string;
  readonly userId: string;
}

const method = 'zitadel.user.v2.UserService/UnlockUser';
const buf = (protocol: string) => (facts: CommandFacts) =>
  `npx buf curl --protocol ${protocol}${facts.url.startsWith('http:') ? ' --http2-prior-knowledge' : ''} ` +
  `-H 'Authorization: Bearer ${facts.token}' -d '{"userId":"${facts.userId}"}' ${facts.url}/${method}`;

const unlockCommands: readonly { readonly title: string; readonly line: (facts: CommandFacts) => string }[] =
  [
    {
      title: 'REST',
      line: ({ url, token, userId }) =>
        `curl -X POST ${url}/v2/users/${userId}/unlock -H 'Authorization: Bearer ${token}'`,
    },
    {
      title: 'Connect',
      line: ({ url, token, userId }) =>
        `curl ${url}/${method} -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"userId":"${userId}"}'`,
    },
    { title: 'gRPC', line: buf('grpc') },
    { title: 'gRPC-Web', line: buf('grpcweb') },
  ];
