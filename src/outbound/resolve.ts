import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** All addresses of a name, now. Rejects where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** As this machine resolves names, its hosts file included. */
const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

const timeoutMs = 5_000;
/** The system resolves in one of the four threads that files are read in as well: names that hang leave one of them. */
const placesMax = { operator: 1, others: 2 } as const;

/** Who has written the name down: no name of a webhook keeps one of the issuer's waiting. */
export type NamedBy = keyof typeof placesMax;

/** Of each kind its own places. */
export function createResolvers(resolve: Resolve = systemResolve): Readonly<Record<NamedBy, Resolve>> {
  return {
    operator: createResolver(resolve, placesMax.operator),
    others: createResolver(resolve, placesMax.others),
  };
}

/** Bounded in time, the wait for a place included; an address is its own. */
function createResolver(resolve: Resolve, places: number): Resolve {
  const waiting: (() => void)[] = [];
  let taken = 0;
  const release = (): void => {
    taken -= 1;
    waiting.shift()?.();
  };
  const resolveInPlace = async (host: string, isOver: () => boolean): Promise<readonly string[]> => {
    if (taken >= places) await new Promise<void>((resume) => waiting.push(resume));
    taken += 1;
    try {
      // Whoever asked has gone: the place is for others.
      return isOver() ? [] : await resolve(host);
    } finally {
      release();
    }
  };
  return async (host) => {
    if (isIP(host) !== 0) return [host];
    const late = Promise.withResolvers<never>();
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      late.reject(new Error(`${host} is not resolved within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await Promise.race([resolveInPlace(host, () => isOver), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
