import http from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { listen } from './listen.ts';
import { startMs } from './start-server.ts';

/** An OpenID Connect issuer on a socket: discovery, keys, and whatever tokens a test wants signed. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  readonly jwksUrl: string;
  /** How often the keys were fetched. */
  readonly fetches: number;
  /** What it answers from now on in the place of its keys; undefined: its keys. */
  answer: ((res: http.ServerResponse) => void) | undefined;
  /** Adds a key, published at once; answers its name. */
  addKey(algorithm?: string): Promise<string>;
  /** The key is published no more; what it signed stays signed. */
  withdraw(kid: string): void;
  /** For those who misuse it. */
  publicKey(kid: string): Promise<CryptoKey>;
  sign(token?: TokenToSign): Promise<string>;
}

export interface TokenToSign {
  /** Default: the newest. */
  readonly kid?: string;
  /** Beside or in the place of those of a good token; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

interface Key {
  readonly algorithm: string;
  readonly pair: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey };
  isPublished: boolean;
}

export const audience = 'https://latchkey.example';

/** Listens on a free port, with one key. */
export async function startIssuer(): Promise<TestIssuer> {
  const keys = new Map<string, Key>();
  let fetches = 0;
  const server = http.createServer((req, res) => {
    if (req.url === '/tenant/.well-known/openid-configuration') {
      res.end(JSON.stringify({ issuer: issuer.url, jwks_uri: issuer.jwksUrl }));
      return;
    }
    fetches += 1;
    if (issuer.answer !== undefined) issuer.answer(res);
    else void keySet(keys).then((set) => res.end(JSON.stringify(set)));
  });
  const url = `http://127.0.0.1:${await listen(server)}/tenant`;
  const keyOf = (kid: string): Key => {
    const key = keys.get(kid);
    if (key === undefined) throw new Error(`no key ${kid}`);
    return key;
  };
  const issuer: TestIssuer = {
    url,
    jwksUrl: `${url}/keys`,
    get fetches() {
      return fetches;
    },
    answer: undefined,
    async addKey(algorithm = 'ES256') {
      const kid = `key-${keys.size + 1}`;
      keys.set(kid, {
        algorithm,
        pair: await generateKeyPair(algorithm, { extractable: true }),
        isPublished: true,
      });
      return kid;
    },
    withdraw(kid) {
      keyOf(kid).isPublished = false;
    },
    publicKey: async (kid) => keyOf(kid).pair.publicKey,
    sign({ kid = [...keys.keys()].at(-1) ?? '', claims = {}, header = {} } = {}) {
      const { algorithm, pair } = keyOf(kid);
      const nowSeconds = Math.floor(startMs / 1_000);
      const good = { iss: url, aud: audience, sub: 'ada', iat: nowSeconds, exp: nowSeconds + 3_600 };
      return new SignJWT({ ...good, ...claims } as JWTPayload)
        .setProtectedHeader({ alg: algorithm, kid, ...header })
        .sign(pair.privateKey);
    },
    [Symbol.asyncDispose]() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  await issuer.addKey();
  return issuer;
}

async function keySet(keys: ReadonlyMap<string, Key>): Promise<object> {
  const published = [...keys].filter(([, { isPublished }]) => isPublished);
  const all = published.map(async ([kid, { algorithm, pair }]) => ({
    ...(await exportJWK(pair.publicKey)),
    kid,
    alg: algorithm,
    use: 'sig',
  }));
  return { keys: await Promise.all(all) };
}
