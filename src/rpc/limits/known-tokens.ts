/** Tokens that have worked lately, each by a part of it that is of no use without the rest. */
export interface KnownTokens {
  /** Takes the Authorization header's value, as the others do. */
  has(authorization: string | undefined): boolean;
  add(authorization: string | undefined): void;
  delete(authorization: string | undefined): void;
}

/** About 1 MB; beyond it the one that has not worked for the longest is forgotten. */
const knownMax = 10_000;
/** Of 43: 48 bits that nobody guesses here, and 208 more to guess for whoever reads the memory. */
const secretPartLength = 8;

/** Makes an empty set. */
export function createKnownTokens(): KnownTokens {
  /** The one that worked last stands last. */
  const known = new Map<string, string>();
  return {
    has: (authorization) => known.has(nameOf(authorization)),
    add(authorization) {
      const name = nameOf(authorization);
      const before = known.get(name);
      // With so much room left nobody is forgotten soon, and the order is not worth its keeping.
      if (before !== undefined && known.size < knownMax / 2) return;
      if (before !== undefined) known.delete(name);
      const [oldest] = known.size >= knownMax ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
      // A copy: the piece would keep the whole header in memory, secret and all.
      const kept = before ?? Buffer.from(name).toString();
      known.set(kept, kept);
    },
    delete: (authorization) => void known.delete(nameOf(authorization)),
  };
}

// Of `id.secret` the id, which many may read, and with it enough of the secret that nobody who knows the id alone can have
// the token forgotten, or be taken for its holder. Of a JWT the signature.
function nameOf(authorization = ''): string {
  const first = authorization.indexOf('.');
  const last = authorization.lastIndexOf('.');
  return first === last
    ? authorization.slice(0, first + 1 + secretPartLength)
    : authorization.slice(last + 1);
}
