import type { JsonObject } from '@bufbuild/protobuf';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import type { StoreKind } from '../support/stores.ts';

/** A server that may send to loopback, and one door with an administrator's token at it. */
export interface Hooked extends AsyncDisposable {
  readonly server: TestServer;
  readonly door: Door;
  readonly token: string;
  /** Answers the subscription, and its secret. */
  subscribe(request: JsonObject, token?: string): Promise<Subscribed>;
  shown(subscriptionId: string): Promise<JsonObject>;
  /** Resolves once it shows that; 0 where JSON leaves it out. Rejects after a while. */
  untilShown(subscriptionId: string, wanted: JsonObject): Promise<void>;
  attempts(subscriptionId: string): Promise<readonly JsonObject[]>;
}

export interface Subscribed {
  readonly subscriptionId: string;
  readonly secret: string;
}

export interface HookedOptions {
  readonly store?: StoreKind;
  readonly database?: string;
  readonly flags?: readonly string[];
  /** Absent: nothing but public addresses. */
  readonly allow?: string;
  /** Milliseconds that the server's clock is ahead; receivers look at the time. */
  readonly clock?: { aheadMs: number };
}

const looksMax = 300;

/** Time goes on here: receivers hold it against their own. */
export async function startHooked(options: HookedOptions = {}): Promise<Hooked> {
  const { allow = '127.0.0.1', flags = [], clock = { aheadMs: 0 }, ...rest } = options;
  const server = await startServer({
    ...rest,
    flags: [...(allow === '' ? [] : ['--outbound-allow', allow]), ...flags],
    clocks: { now: () => Date.now() + clock.aheadMs },
  });
  if (rest.database === undefined) for (const id of ['home', 'abroad']) await server.people.organization(id);
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const door = openDoor(server.url, token);
  const shown = async (subscriptionId: string): Promise<JsonObject> =>
    (await door.ask('GetSubscription', { subscriptionId })).response.subscription as JsonObject;
  return {
    server,
    door,
    token,
    shown,
    async subscribe(request, as = token) {
      const answer = await door.ask('CreateSubscription', request, as);
      if (!answer.ok) throw new Error(`${answer.code} ${answer.message}`);
      const { subscriptionId } = answer.response.subscription as { readonly subscriptionId: string };
      return { subscriptionId, secret: answer.response.secret as string };
    },
    async untilShown(subscriptionId, wanted) {
      for (let look = 0; look < looksMax; look += 1) {
        const found = await shown(subscriptionId);
        if (Object.entries(wanted).every(([name, value]) => (found[name] ?? 0) === value)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`not shown: ${JSON.stringify(await shown(subscriptionId))}`);
    },
    async attempts(subscriptionId) {
      const { response } = await door.ask('ListAttempts', { subscriptionId });
      return (response.attempts ?? []) as JsonObject[];
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
