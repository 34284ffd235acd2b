type Headers = Readonly<Record<string, string>>;

/** Which origins may read the answers, prepared so that a request costs one look-up. */
export interface CorsPolicy {
  readonly scheme: 'http' | 'https';
  readonly allowsAny: boolean;
  /** The headers for each allowed origin, made once. */
  readonly byOrigin: ReadonlyMap<string, Headers>;
}

const allowMethods = 'GET, POST, PUT, PATCH, DELETE, OPTIONS';
const allowHeaders =
  'content-type, accept, accept-language, authorization, x-zitadel-orgid, x-user-agent, x-grpc-web, grpc-timeout, ' +
  'connect-protocol-version, connect-timeout-ms, idempotency-key, latchkey-reason, x-request-id, traceparent, ' +
  'tracestate, baggage, sentry-trace';
const exposeHeaders =
  'grpc-status, grpc-message, grpc-status-details-bin, content-length, x-request-id, retry-after, www-authenticate';
const maxAgeSeconds = 7_200;

const refused: Headers = Object.freeze({ vary: 'origin' });

/**
 * Prepares the policy: the server's own origin, and those named here (`*` for any). Throws on what is no origin
 * (scheme, host and port alone).
 */
export function createCorsPolicy(options: {
  readonly allowedOrigins: readonly string[];
  readonly scheme: 'http' | 'https';
}): CorsPolicy {
  const origins = options.allowedOrigins.filter((origin) => origin !== '*').map(parseOrigin);
  return {
    scheme: options.scheme,
    allowsAny: options.allowedOrigins.includes('*'),
    byOrigin: new Map(origins.map((origin) => [origin, headersFor(origin)])),
  };
}

/**
 * The headers that an answer to this origin carries; undefined without an Origin header. An origin that may not read
 * the answer gets `vary` alone, so that a cache between keeps the two apart.
 */
export function corsHeaders(
  policy: CorsPolicy,
  origin: string | undefined,
  host: string | undefined,
): Headers | undefined {
  if (origin === undefined) return undefined;
  const prepared = policy.byOrigin.get(origin);
  if (prepared !== undefined) return prepared;
  if (policy.allowsAny || isOwn(policy, origin, host)) return headersFor(origin);
  return refused;
}

/** A preflight request (Fetch, "CORS-preflight request"): OPTIONS that names an origin and the method to come. */
export function isPreflight(
  method: string | undefined,
  origin: string | undefined,
  requestMethod: string | undefined,
): boolean {
  return method === 'OPTIONS' && origin !== undefined && requestMethod !== undefined;
}

/**
 * What the answer to a preflight carries besides the headers that every answer to this origin does (`corsHeaders`): a
 * browser refuses an answer that names the origin twice. Grants nothing where the origin is not allowed.
 */
export function preflightAnswer(
  policy: CorsPolicy,
  origin: string,
  host: string | undefined,
): { readonly status: 204; readonly headers: Headers } {
  const vary = 'access-control-request-method, access-control-request-headers';
  if (corsHeaders(policy, origin, host) === refused) return { status: 204, headers: { vary } };
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': allowMethods,
      'access-control-allow-headers': allowHeaders,
      'access-control-max-age': String(maxAgeSeconds),
      vary,
    },
  };
}

function headersFor(origin: string): Headers {
  return Object.freeze({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposeHeaders,
    vary: 'origin',
  });
}

function isOwn(policy: CorsPolicy, origin: string, host: string | undefined): boolean {
  return host !== undefined && origin === `${policy.scheme}://${host.toLowerCase()}`;
}

/** The same list. Throws on what is neither an origin nor `*`. */
export function requireOrigins(allowedOrigins: readonly string[]): readonly string[] {
  createCorsPolicy({ allowedOrigins, scheme: 'https' });
  return allowedOrigins;
}

function parseOrigin(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  // Equal but for letter case, or the configuration says more (a path, a user, a default port) than an origin holds.
  if (origin === 'null' || origin !== text.toLowerCase()) {
    throw new Error(`not an origin, such as https://console.example: ${JSON.stringify(text)}`);
  }
  return origin;
}
