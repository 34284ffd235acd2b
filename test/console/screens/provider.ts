import http from 'node:http';
import { listen } from '../../support/listen.ts';

export const clientId = 'latchkey-console';

/** A real OpenID provider, on a port of its own. Whoever logs in has the role `desk`. */
export interface TestProvider extends AsyncDisposable {
  readonly url: string;
  /** How the codes were asked for, by the name of the method of PKCE. */
  readonly challenges: readonly string[];
  /** Where it may send people back to. */
  returnTo(url: string): void;
}

export async function startProvider(): Promise<TestProvider> {
  const server = http.createServer();
  const url = `http://127.0.0.1:${await listen(server)}`;
  const challenges: string[] = [];
  const redirects: string[] = ['http://127.0.0.1:1/console/sign-on/callback'];
  let handle: Promise<http.RequestListener> | undefined;
  // Made by the first request: only then it is known where it may send people back to.
  const handled = () => {
    handle ??= createProvider(url, redirects);
    return handle;
  };
  server.on('request', (req, res) => {
    const asked = new URL(req.url ?? '/', url);
    const method = asked.searchParams.get('code_challenge_method');
    if (asked.pathname === '/auth' && method !== null) challenges.push(method);
    void handled().then((handle) => handle(req, res));
  });
  return {
    url,
    challenges,
    returnTo(to) {
      redirects.splice(0, 1, `${to}/console/sign-on/callback`);
    },
    [Symbol.asyncDispose]() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** As much of the package as is used: it comes without types. */
interface ProviderPackage {
  readonly default: new (issuer: string, settings: object) => { callback(): http.RequestListener };
}

async function createProvider(url: string, redirects: readonly string[]): Promise<http.RequestListener> {
  const name: string = 'oidc-provider';
  const { default: Provider } = (await import(name)) as ProviderPackage;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: clientId,
        redirect_uris: [...redirects],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', 'roles'] },
    conformIdTokenClaims: false,
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, roles: ['desk'] }),
    }),
  });
  return provider.callback();
}
