import { userInfo } from 'node:os';
import { openApp } from '../../src/app/app.ts';
import { parseServeConfig } from '../../src/app/config.ts';
import { firstRun } from '../../src/app/first-run.ts';
import { startServer } from '../../src/app/start-server.ts';
import { evolveAll } from '../../src/store/postgres/append.ts';
import type { Store } from '../../src/store/store.ts';
import type { Bug } from './bugs.ts';

/** How often a fault that does not depend on a race shows. */
const everyNth = 10;
const staleMs = 150;

/** Each breaks compare-and-set in one way that tests of single calls would not notice. */
const breakers: Readonly<Record<Bug, (store: Store) => Partial<Store>>> = {
  'a lost race is answered OK': ({ append }) => ({
    async append(change) {
      const outcome = await append(change);
      return outcome === 'stale' ? evolveAll(change) : outcome;
    },
  }),
  'an acknowledged change is never written': ({ append }) => {
    const isTurn = countTo(everyNth);
    return { append: async (change) => (isTurn() ? evolveAll(change) : append(change)) };
  },
  'a change that was made is decided on again': ({ append }) => {
    const isTurn = countTo(everyNth);
    return {
      async append(change) {
        const outcome = await append(change);
        return isTurn() ? 'stale' : outcome;
      },
    };
  },
  'decisions are made on a row of before': ({ loadUser }) => {
    const kept = new Map<string, { readonly user: ReturnType<Store['loadUser']>; readonly atMs: number }>();
    return {
      loadUser(userId) {
        const old = kept.get(userId);
        if (old !== undefined && performance.now() - old.atMs < staleMs) return old.user;
        const user = loadUser(userId);
        kept.set(userId, { user, atMs: performance.now() });
        return user;
      },
    };
  },
};

function countTo(every: number): () => boolean {
  let count = 0;
  return () => {
    count += 1;
    return count % every === 0;
  };
}

// `latchkey serve` with one of the bugs: the first argument names it.
const [bug, ...flags] = process.argv.slice(2);
const breaker = breakers[bug as Bug];
const config = parseServeConfig(flags);
const app = await openApp(config);
await firstRun(app, { dataFolder: config.dataFolder, osUser: userInfo().username, demo: false });
const { url } = await startServer({ ...app, store: { ...app.store, ...breaker(app.store) } }, config);
process.stdout.write(`Latchkey serves every protocol at ${url}\n`);
