import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCaller } from '../auth/caller.ts';
import { createUser } from '../commands/create-user.ts';
import { openApp } from './app.ts';
import { parseServeConfig } from './config.ts';
import { firstRun } from './first-run.ts';
import { osUserName } from './os-user.ts';
import { startServer } from './start-server.ts';

/** A server of its own with nothing in it but what a demonstration needs; all of it is gone when disposed. */
export interface DemoServer extends AsyncDisposable {
  readonly url: string;
  /** The administrator's. */
  readonly token: string;
  /** The wrong password of this number locks. */
  readonly attempts: number;
  readonly people: readonly { readonly name: string; readonly userId: string }[];
}

const attempts = 3;

/** Starts on a free port of the loopback and a database in a temporary folder, with these people. */
export async function openDemoServer(names: readonly string[], password: string): Promise<DemoServer> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const config = configOf(folder);
  const app = cleanup.use(await openApp(config));
  const osUser = osUserName();
  const first = await firstRun(app, { dataFolder: folder, osUser, demo: false });
  if (first === undefined) throw new Error('bug: a new database is not empty');
  const { organizationId, token } = first;
  const people: { name: string; userId: string }[] = [];
  for (const name of names) {
    const email = `${name.toLowerCase()}@latchkey.localhost`;
    const { userId } = await createUser(app, systemCaller(osUser, 'demo'), {
      organization: { organizationId },
      userId: undefined,
      userName: name.toLowerCase(),
      profile: { kind: 'human', givenName: name, familyName: 'Demo', email, emailVerified: true },
      password: { password, changeRequired: false },
    });
    people.push({ name, userId });
  }
  const { url } = cleanup.use(await startServer(app, config));
  const whole = cleanup.move();
  return { url, token, attempts, people, [Symbol.asyncDispose]: () => whole.disposeAsync() };
}

// Whatever the environment says of the real server: in plain text, and for this machine alone.
function configOf(folder: string) {
  const place = ['--host', '127.0.0.1', '--port', '0', '--data', folder, '--db', join(folder, 'latchkey.db')];
  const calm = ['--log-level', 'silent', '--drain-timeout-ms', '1000', '--lockout-attempts', `${attempts}`];
  const config = parseServeConfig([...place, ...calm]);
  return { ...config, tls: undefined, oidc: undefined, trustedProxies: [] };
}
