import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { Client } from 'pg';
import { type App, openApp } from '../../../src/app/app.ts';
import type { Answer } from '../../support/answer.ts';
import { type ChildServer, standBy } from '../../support/child-server.ts';
import { type Door, openDoor } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import { createPeople } from '../../support/people.ts';
import { type PostgresProxy, startProxy } from '../../support/postgres/proxy.ts';
import { createPostgresDatabase, runSql } from '../../support/postgres.ts';
import { pick, seededRandom } from '../../support/random.ts';

/** STORM_SEED=… has clients and faults do the same again, though not at the same instants. */
export const seed = Number(process.env.STORM_SEED ?? Date.now() % 100_000);
export const random = seededRandom(seed);
/** The failure of this number locks. */
export const failuresMax = 4;
const policy = {
  ...{ maxPasswordAttempts: failuresMax, window: '0s', lockDuration: '0s', lockGrowth: 1 },
  ...{ maxLockDuration: '0s', knownDevices: false, repeatsCountOnce: false, maxAddressFailures: 0 },
};
export const inRun = Array.from({ length: 40 }, (_none, nth) => `run-${nth}`);

/** A server behind a proxy of its own; started anew where it is killed. */
export interface Place {
  readonly proxy: PostgresProxy;
  child: ChildServer;
  door: Door;
}

export interface Site {
  readonly url: string;
  readonly app: App;
  readonly places: readonly Place[];
  /** How long a server may stand still. */
  readonly standMsMax: number;
  readonly restart: (place: Place) => Promise<void>;
  /** Undefined: nobody knows what became of it. */
  ask(method: MethodName, message: JsonObject, requestId?: string): Promise<Answer | undefined>;
}

/** Users to sign in, to be tried elsewhere, to be locked for a while and in a run; on two servers. */
export async function openSite(resources: AsyncDisposableStack, standMsMax: number): Promise<Site> {
  const url = await createPostgresDatabase();
  const app = resources.use(await openApp({ database: url, passwordAttemptsMax: 5, logLevel: 'silent' }));
  const people = createPeople(app);
  await people.organization('acme');
  const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const userIds = ['signs-in-0', 'signs-in-1', 'tried-0', 'tried-1', 'timed-0', 'timed-1', ...inRun];
  for (const userId of userIds) await people.user({ organization: 'acme', userId });
  const serve = async (proxy: PostgresProxy) => {
    const flags = ['--db', proxy.url, '--attempt-seconds', '2', '--log-level', 'silent'];
    const child = await resources.use(standBy(flags)).start();
    return { proxy, child, door: resources.use(openDoor(child.url, token)) };
  };
  const places = [
    await serve(resources.use(await startProxy(url))),
    await serve(resources.use(await startProxy(url))),
  ];
  const ask: Site['ask'] = async (method, message, requestId = '') => {
    const { door } = pick(random, places);
    const answer = await door
      .ask(method, message, undefined, { 'x-request-id': requestId })
      .catch(() => undefined);
    const isKnown = answer?.ok || /InvalidArgument|FailedPrecondition|NotFound/.test(answer?.code ?? '');
    // A server that is gone answers sooner than it is back.
    if (!isKnown) await delay(100);
    return isKnown ? answer : undefined;
  };
  const restart = async (place: Place) => {
    place.child.kill('SIGKILL');
    await place.child.exited;
    Object.assign(place, await serve(place.proxy));
  };
  if (!(await ask('SetLockoutPolicy', { policy }))?.ok) throw new Error('no policy');
  return { url, app, places, standMsMax, restart, ask };
}

/** One after the other; when one is over, nothing stands in the way any more. */
export const faults: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  'a server is killed': ({ places, restart }) => restart(pick(random, places)),
  async 'a server stands still'({ places, standMsMax }) {
    const { child } = pick(random, places);
    child.kill('SIGSTOP');
    await delay(500 + random() * standMsMax);
    child.kill('SIGCONT');
  },
  async 'the database refuses'({ places }) {
    const { proxy } = pick(random, places);
    proxy.setRefusing(true);
    await delay(random() * 4_000);
    proxy.setRefusing(false);
  },
  async 'the database falls silent'({ places }) {
    for (const { proxy } of places) proxy.setSilent(true);
    await delay(random() * 3_000);
    for (const { proxy } of places) proxy.setSilent(false);
  },
  async 'answers are lost'({ places }) {
    for (let nth = 0; nth < 30; nth += 1) {
      const text = pick(random, ['COMMIT', 'move', 'claim_check', 'begin_attempt', 'insert_', 'find_logged']);
      void pick(random, places).proxy.cutOn(text, pick(random, ['after send', "before the commit's answer"]));
      await delay(50);
    }
  },
  async 'sessions are ended'({ url }) {
    await runSql(
      url,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  },
  async 'a table is held'({ url }) {
    const client = new Client({ connectionString: url });
    await client.connect();
    const table = pick(random, ['users', 'events', 'batches', 'placer', 'password_checks', 'unlock_runs']);
    await client.query(`BEGIN; LOCK TABLE ${table} IN ${pick(random, ['SHARE', 'ACCESS EXCLUSIVE'])} MODE`);
    await delay(random() * 4_000);
    await client.query('ROLLBACK');
    await client.end();
  },
};
