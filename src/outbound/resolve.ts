import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Places } from './places.ts';

/** All addresses of a name, now. Rejects where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** The same for somebody: `owner` is whose turn it takes. */
export type ResolveFor = (host: string, owner: string) => Promise<readonly string[]>;

/** As this machine resolves names, its hosts file included. */
const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

const timeoutMs = 5_000;
/** A name that is not resolved by then hangs. */
const slowMs = 1_000;
/** The system resolves in one of the four threads that files are read in as well: names that hang leave one of them. */
const placesMax = { operator: 1, others: 2 } as const;

/** Who has written the name down: no name of a webhook keeps one of the issuer's waiting. */
export type NamedBy = keyof typeof placesMax;

/** Of each kind its own places; in them owners go in turns. */
export function createResolvers(resolve: Resolve = systemResolve): Readonly<Record<NamedBy, ResolveFor>> {
  return {
    operator: createResolver(resolve, placesMax.operator),
    others: createResolver(resolve, placesMax.others),
  };
}

/** Bounded in time, the wait for a place included; an address is its own. */
function createResolver(resolve: Resolve, placesOfKind: number): ResolveFor {
  const places = new Places(placesOfKind);
  const resolveInPlace = async (
    host: string,
    owner: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    using place = await places.enter(owner, signal);
    const hung = setTimeout(() => place.hung(), slowMs);
    try {
      return await resolve(host);
    } finally {
      clearTimeout(hung);
    }
  };
  return async (host, owner) => {
    if (isIP(host) !== 0) return [host];
    const late = new AbortController();
    const isLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`${host} is not resolved within ${timeoutMs} ms`);
      late.abort(error);
      isLate.reject(error);
    }, timeoutMs);
    try {
      return await Promise.race([resolveInPlace(host, owner, late.signal), isLate.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
