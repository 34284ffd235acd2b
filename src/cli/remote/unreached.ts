import { type CallFailed, status } from './status.ts';
import type { RemoteTarget } from './target.ts';

type Said = Pick<CallFailed, 'code' | 'details'>;
type Server = Pick<RemoteTarget, 'url' | 'urlFrom' | 'ca'>;

const unknownSigner =
  'its certificate is signed by nobody that this machine knows; name the authority with --ca FILE';
const otherSigner =
  'its certificate is not signed by what --ca names: was it renewed by another authority, or is that the file of another server?';

/** What the exchange, grpc-js, the socket or OpenSSL say when no answer comes, and what that means for who typed the command. */
const causes: readonly (readonly [RegExp, (url: URL, said: string) => string])[] = [
  [
    /^The proxy:|connect to proxy/,
    (_, said) => `the proxy of http_proxy or https_proxy does not let it through (${said})`,
  ],
  // All that grpc-js has to say where a proxy refuses a stream, or ends.
  [/^undefined$/, () => 'the proxy of http_proxy or https_proxy does not let it through'],
  [
    /ECONNREFUSED/,
    () => 'nothing listens there (ECONNREFUSED); start it with "latchkey serve", or name it with --url',
  ],
  [
    /Name resolution failed|ENOTFOUND|EAI_AGAIN|Could not resolve/,
    ({ hostname }) => `no address is known for "${hostname}"; is the name spelt right?`,
  ],
  [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EHOSTDOWN/, () => 'there is no way to it from this machine'],
  [/EACCES|EPERM/, () => 'this machine does not allow the connection (a firewall?)'],
  [
    /wrong version number|packet length too long|record layer failure|http request|unknown protocol/i,
    ({ host }) => `it speaks no TLS; try --url http://${host}`,
  ],
  [
    /Protocol not secure enough|INADEQUATE_SECURITY|code 12\b|speaks TLS alone/,
    ({ host }, said) => `it speaks TLS alone; try --url ${/https:\S+$/.exec(said)?.[0] ?? `https://${host}`}`,
  ],
  [
    /certificate has expired|CERT_HAS_EXPIRED|not yet valid/i,
    () =>
      "its certificate is not valid at this time; has it been renewed, and is this machine's clock right?",
  ],
  [
    /altnames|does not match certificate|ERR_TLS_CERT_ALTNAME/i,
    ({ hostname }) =>
      `its certificate is not for "${hostname}"; name the server in --url as the certificate does`,
  ],
  [/certificate|CERT_|self.signed|issuer/i, () => unknownSigner],
  [/handshake|alert|ssl|tls/i, () => 'the two could not agree on TLS'],
  [
    /HTTP status|larger than max|content-type|Protocol error|RST_STREAM with code (1|13)\b|HTTP_1_1|frame/i,
    () => 'what answers there is no Latchkey, or a proxy before it passes neither gRPC-Web nor gRPC on',
  ],
  [
    /Failed to connect|RST_STREAM|ECONNRESET|EPIPE|aborted|dropped|Connection closed|socket hang up|disconnect|GOAWAY|goaway/i,
    () => 'the connection broke off; whether it did what was asked is not known',
  ],
];

/**
 * One sentence where the server was not reached, or something that is no Latchkey answered; undefined where the server
 * itself refused. Never a library's own advice: nobody can give options to Node here.
 */
export function unreachedText({ code, details }: Said, { url, urlFrom, ca }: Server): string | undefined {
  const server = urlFrom === undefined ? url.origin : `${url.origin} (${urlFrom})`;
  if (code === status.DEADLINE_EXCEEDED) {
    return `${server} did not answer in time (--timeout); whether it did what was asked is not known`;
  }
  const isOurs = code !== status.UNAVAILABLE && code !== status.INTERNAL && code !== status.UNKNOWN;
  const said = bare(details);
  if (isOurs && !ofForeign.test(said)) return undefined;
  const cause = causeText(said, url);
  if (cause === undefined && code !== status.UNAVAILABLE) return undefined;
  const why = cause === unknownSigner && ca !== undefined ? otherSigner : (cause ?? said);
  return `Cannot reach ${server}: ${why}`;
}

// grpc-js maps what another kind of server says to any code.
const ofForeign = /^(Received HTTP status code|Received message larger than max|Protocol not secure enough)/;

/** What a failure of the connection means, in a clause; undefined where it is none that is known. */
export function causeText(said: string, url: URL): string | undefined {
  return causes.find(([form]) => form.test(said))?.[1](url, said);
}

// grpc-js wraps what the socket said: "No connection established. Last error: Error: … Resolution note: ".
function bare(details: string): string {
  const said = /Last error: (?:Error: )?(.*?)\.?\s*Resolution note:/s.exec(details)?.[1] ?? details;
  return said.trim();
}
