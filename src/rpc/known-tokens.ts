/** Tokens that have worked lately, each by a part of it that is of no use without the rest. */
export interface KnownTokens {
  /** Takes the Authorization header's value, as the others do. */
  has(authorization: string | undefined): boolean;
  add(authorization: string | undefined): void;
  delete(authorization: string | undefined): void;
}

/** About 1 MB; beyond it the oldest is forgotten. */
const knownMax = 10_000;

/** Makes an empty set. */
export function createKnownTokens(): KnownTokens {
  const known = new Set<string>();
  return {
    has: (authorization) => known.has(nameOf(authorization)),
    add(authorization) {
      const name = nameOf(authorization);
      if (known.has(name)) return;
      const [oldest] = known.size >= knownMax ? known : [];
      if (oldest !== undefined) known.delete(oldest);
      // A copy: the piece would keep the whole header in memory, secret and all.
      known.add(Buffer.from(name).toString());
    },
    delete: (authorization) => void known.delete(nameOf(authorization)),
  };
}

/** Of `id.secret` the id; of a JWT the signature. */
function nameOf(authorization = ''): string {
  const first = authorization.indexOf('.');
  const last = authorization.lastIndexOf('.');
  return first === last ? authorization.slice(0, first) : authorization.slice(last + 1);
}
