import type { AuthorizationServer, ClientAuth } from 'oauth4webapi';
import { DomainError } from '../../domain/errors.ts';
import { isJwt } from '../token.ts';
import { requireSecureUrl } from './config.ts';

/** What the issuer knows the console as. */
export interface SignOnConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** undefined: a public client, which PKCE alone protects. */
  readonly clientSecret: string | undefined;
}

/** What has to be kept, out of everybody's reach, while the person is at the issuer's. */
export interface PendingSignOn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** The company's own sign-on: authorization code with PKCE (RFC 6749, RFC 7636), the code exchanged by the server. */
export interface SignOn {
  /** Where to send the browser. Throws issuerUnavailable. */
  begin(redirectUri: string): Promise<{ readonly url: string; readonly pending: PendingSignOn }>;
  /** The JWTs for which the issuer gave the code, best first. Throws issuerUnavailable, tokenInvalid. */
  finish(pending: PendingSignOn, returnedTo: URL): Promise<readonly string[]>;
}

const scope = 'openid';

/** Most servers have no such issuer: the library is loaded by the first who signs in this way. */
const loadLibrary = () => import('oauth4webapi');

/** Asks the issuer, bounded in time and size. */
export type AskIssuer = (
  url: string,
  options: { readonly method: string; readonly headers: Record<string, string>; readonly body?: unknown },
) => ReturnType<typeof fetch>;

export function createSignOn({ issuer, clientId, clientSecret }: SignOnConfig, ask: AskIssuer): SignOn {
  const client = { client_id: clientId };
  const url = new URL(issuer);
  const discover = kept(async (): Promise<AuthorizationServer> => {
    const oauth = await loadLibrary();
    const found = await oauth.discoveryRequest(url, { ...(await options(url, ask)), algorithm: 'oidc' });
    const server = await oauth.processDiscoveryResponse(url, found);
    // A page of ours has the browser go there, and "javascript:" is a URL as well.
    requireSecureUrl(server.authorization_endpoint ?? '');
    return server;
  });
  return {
    async begin(redirectUri) {
      const oauth = await loadLibrary();
      const { authorization_endpoint: endpoint = '' } = await reached(discover);
      const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
      const verifier = oauth.generateRandomCodeVerifier();
      const there = new URL(endpoint);
      const asked = {
        ...{ response_type: 'code', client_id: clientId, redirect_uri: redirectUri, scope, state, nonce },
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(asked)) there.searchParams.set(name, value);
      return { url: there.href, pending: { state, nonce, verifier, redirectUri } };
    },
    async finish({ state, nonce, verifier, redirectUri }, returnedTo) {
      const oauth = await loadLibrary();
      const server = await reached(discover);
      try {
        const code = oauth.validateAuthResponse(server, client, returnedTo, state);
        const proof: ClientAuth =
          clientSecret === undefined ? oauth.None() : oauth.ClientSecretBasic(clientSecret);
        const answer = await oauth.authorizationCodeGrantRequest(
          ...[server, client, proof, code, redirectUri, verifier, await options(url, ask)],
        );
        const expected = { expectedNonce: nonce, requireIdToken: true };
        const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, expected);
        return [tokens.access_token, tokens.id_token ?? ''].filter(isJwt);
      } catch (cause) {
        throw new DomainError('tokenInvalid', {
          cause,
          why: 'sign-on: the issuer gave no token for the code',
        });
      }
    },
  };
}

/** Asked once in ten minutes, however many strangers ask to sign in. */
const keptMs = 600_000;

function kept<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let answer: { readonly value: Promise<Value>; readonly untilMs: number } | undefined;
  return () => {
    const nowMs = performance.now();
    if (answer === undefined || answer.untilMs <= nowMs) {
      const value = ask();
      answer = { value, untilMs: nowMs + keptMs };
      value.catch(() => {
        answer = undefined;
      });
    }
    return answer.value;
  };
}

// Plain text is for an issuer on this machine alone: see requireSecureUrl.
async function options(url: URL, ask: AskIssuer) {
  const { allowInsecureRequests, customFetch } = await loadLibrary();
  return { [allowInsecureRequests]: url.protocol === 'http:', [customFetch]: ask };
}

async function reached<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    throw new DomainError('issuerUnavailable', { cause });
  }
}
