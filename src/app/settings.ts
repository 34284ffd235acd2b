import { policyMax } from '../domain/lockout-policy.ts';
import { importedCostMaxMax, passwordThreadsMax } from '../sign-in/bounds.ts';

/** One setting: a flag, its environment variable, its default, what it does. docs/configuration.md has the same table. */
interface Setting {
  readonly env: string;
  readonly fallback: string;
  /** Of a whole number: the least and the most that are taken. */
  readonly range?: readonly [least: number, most: number];
  readonly help: string;
}

/** Every setting of `latchkey serve`. A flag wins over the environment, the environment over the default. */
export const settings = {
  host: { env: 'LATCHKEY_HOST', fallback: '127.0.0.1', help: 'address to listen on' },
  port: {
    env: 'LATCHKEY_PORT',
    fallback: '8080',
    range: [0, 65_535],
    help: 'port for every protocol; 0 takes a free one',
  },
  data: {
    env: 'LATCHKEY_DATA',
    fallback: 'latchkey-data',
    help: 'folder of the database and the first token',
  },
  db: {
    env: 'LATCHKEY_DB',
    fallback: '',
    help: 'database file, or postgres://…; default: latchkey.db in the data folder',
  },
  'db-password-file': {
    env: 'LATCHKEY_DB_PASSWORD_FILE',
    fallback: '',
    help: 'file with the PostgreSQL password, where the URL has none',
  },
  'admin-token-file': {
    env: 'LATCHKEY_ADMIN_TOKEN_FILE',
    fallback: '',
    help: "the first administrator's token: taken from this file where it holds one, else written to it; default: admin-token in the data folder",
  },
  'db-connections-max': {
    env: 'LATCHKEY_DB_CONNECTIONS_MAX',
    fallback: '10',
    range: [2, 1_000],
    help: 'connections to PostgreSQL',
  },
  'db-timeout-ms': {
    env: 'LATCHKEY_DB_TIMEOUT_MS',
    fallback: '5000',
    range: [1, 600_000],
    help: 'longest statement (PostgreSQL) or wait for another process (file)',
  },
  migrate: {
    env: 'LATCHKEY_MIGRATE',
    fallback: 'auto',
    help: 'auto: bring the schema up to date at the start; never: refuse to start where it is not',
  },
  'migrate-backup': {
    env: 'LATCHKEY_MIGRATE_BACKUP',
    fallback: 'beside',
    help: 'where a copy of a database file goes before its schema is raised: beside it, or nowhere',
  },
  'tls-cert': {
    env: 'LATCHKEY_TLS_CERT',
    fallback: '',
    help: 'certificate chain (PEM); read again on SIGHUP',
  },
  'tls-key': { env: 'LATCHKEY_TLS_KEY', fallback: '', help: 'its private key (PEM)' },
  plaintext: {
    env: 'LATCHKEY_PLAINTEXT',
    fallback: 'refused',
    help: 'beside TLS: refused, or allowed on the same port',
  },
  'lockout-attempts': {
    env: 'LATCHKEY_LOCKOUT_ATTEMPTS',
    fallback: '10',
    range: [0, policyMax.maxPasswordAttempts],
    help: 'wrong passwords in a row that lock a user; 0: never',
  },
  'attempt-seconds': {
    env: 'LATCHKEY_ATTEMPT_SECONDS',
    fallback: '30',
    range: [1, 120],
    help: 'how long an application may take from BeginAttempt to EndAttempt before the attempt has failed',
  },
  'imported-hash-cost-max': {
    env: 'LATCHKEY_IMPORTED_HASH_COST_MAX',
    fallback: '8',
    range: [0, importedCostMaxMax],
    help: "what an imported password hash may cost to check, in units of Latchkey's own: bcrypt's 12 is 7, its 14 is 28",
  },
  'password-threads': {
    env: 'LATCHKEY_PASSWORD_THREADS',
    fallback: '',
    range: [1, passwordThreadsMax],
    help: 'how many passwords are checked at the same time; default: as many as there are processors',
  },
  'password-share': {
    env: 'LATCHKEY_PASSWORD_SHARE',
    fallback: '25',
    range: [1, 33],
    help: 'passwords checked on a processor that unlocks and all else want whole, in percent of those checked on an idle one (Linux)',
  },
  'body-bytes-max': {
    env: 'LATCHKEY_BODY_BYTES_MAX',
    fallback: '262144',
    range: [1_024, 67_108_864],
    help: 'largest request body of any method',
  },
  'timeout-ms': {
    env: 'LATCHKEY_TIMEOUT_MS',
    fallback: '30000',
    range: [1, 3_600_000],
    help: 'longest deadline of a call',
  },
  'idle-timeout-ms': {
    env: 'LATCHKEY_IDLE_TIMEOUT_MS',
    fallback: '620000',
    range: [1, 86_400_000],
    help: 'how long a connection may rest between calls; more than the balancer in front keeps it',
  },
  'drain-timeout-ms': {
    env: 'LATCHKEY_DRAIN_TIMEOUT_MS',
    fallback: '10000',
    range: [0, 600_000],
    help: 'how long SIGTERM waits for calls in flight',
  },
  'shutdown-delay-ms': {
    env: 'LATCHKEY_SHUTDOWN_DELAY_MS',
    fallback: '0',
    range: [0, 600_000],
    help: 'how long SIGTERM first goes on serving, not ready any more, so that balancers learn of it',
  },
  'cors-origins': {
    env: 'LATCHKEY_CORS_ORIGINS',
    fallback: '',
    help: 'origins of browser apps, comma-separated; * for any',
  },
  'trusted-proxies': {
    env: 'LATCHKEY_TRUSTED_PROXIES',
    fallback: '',
    help: 'addresses or CIDR ranges whose X-Forwarded-For is believed, comma-separated',
  },
  'outbound-allow': {
    env: 'LATCHKEY_OUTBOUND_ALLOW',
    fallback: '',
    help: 'hosts, addresses or CIDR ranges beyond the public ones that the server may connect to, comma-separated',
  },
  'outbound-ca-file': {
    env: 'LATCHKEY_OUTBOUND_CA_FILE',
    fallback: '',
    help: 'PEM file of authorities that sign certificates of those the server connects to, beside the public ones',
  },
  'calls-per-second-per-token': {
    env: 'LATCHKEY_CALLS_PER_SECOND_PER_TOKEN',
    fallback: '0',
    range: [0, 1_000_000],
    help: 'calls a second with one token, five times that at once; 0: no limit; 100 suits a public port',
  },
  'calls-per-second-per-address': {
    env: 'LATCHKEY_CALLS_PER_SECOND_PER_ADDRESS',
    fallback: '0',
    range: [0, 1_000_000],
    help: 'the same for one address, whatever its tokens; 0: no limit; 200 suits a public port',
  },
  'refused-per-second-per-address': {
    env: 'LATCHKEY_REFUSED_PER_SECOND_PER_ADDRESS',
    fallback: '20',
    range: [0, 1_000_000],
    help: 'calls a second without a valid token from one address, five times that at once; 0: no limit',
  },
  'oidc-issuer': {
    env: 'LATCHKEY_OIDC_ISSUER',
    fallback: '',
    help: 'OpenID Connect issuer whose JWTs are taken beside our own tokens',
  },
  'oidc-audience': {
    env: 'LATCHKEY_OIDC_AUDIENCE',
    fallback: '',
    help: 'audience that its tokens must name',
  },
  'oidc-jwks-url': {
    env: 'LATCHKEY_OIDC_JWKS_URL',
    fallback: '',
    help: "its keys; default: where the issuer's discovery document says",
  },
  'oidc-roles-claim': {
    env: 'LATCHKEY_OIDC_ROLES_CLAIM',
    fallback: 'roles',
    help: 'claim that holds the roles, such as realm_access.roles',
  },
  'oidc-roles': {
    env: 'LATCHKEY_OIDC_ROLES',
    fallback: '',
    help: 'what its values are worth: VALUE=ROLE,VALUE=ROLE@ORGANIZATION_ID,… or the same as a JSON object',
  },
  'oidc-clock-skew-seconds': {
    env: 'LATCHKEY_OIDC_CLOCK_SKEW_SECONDS',
    fallback: '30',
    range: [0, 300],
    help: "how far the issuer's clock may be off",
  },
  console: {
    env: 'LATCHKEY_CONSOLE',
    fallback: 'on',
    help: 'on: the help desk works in a browser under /console/; off: there is no such page',
  },
  'console-reason': {
    env: 'LATCHKEY_CONSOLE_REASON',
    fallback: 'required',
    help: 'required: the console unlocks nobody without a reason; or optional',
  },
  'console-oidc-client': {
    env: 'LATCHKEY_CONSOLE_OIDC_CLIENT',
    fallback: '',
    help: "what the issuer knows the console as: people sign in with the company's sign-on",
  },
  'console-oidc-secret-file': {
    env: 'LATCHKEY_CONSOLE_OIDC_SECRET_FILE',
    fallback: '',
    help: 'file with its client secret, where it has one',
  },
  'run-items-days': {
    env: 'LATCHKEY_RUN_ITEMS_DAYS',
    fallback: '90',
    range: [0, 36_500],
    help: 'how long after its end a run of unlocks can be taken back, and what became of each user is kept; 0: always',
  },
  'metrics-listen': {
    env: 'LATCHKEY_METRICS_LISTEN',
    fallback: '',
    help: 'HOST:PORT where Prometheus reads /metrics, never the public port; default: nowhere',
  },
  'trace-trust-remote': {
    env: 'LATCHKEY_TRACE_TRUST_REMOTE',
    fallback: 'false',
    help: "true: a caller's trace is continued and its sampling obeyed; false: it is linked to",
  },
  'log-level': { env: 'LATCHKEY_LOG_LEVEL', fallback: 'info', help: 'debug, info, warn, error or silent' },
  'log-format': {
    env: 'LATCHKEY_LOG_FORMAT',
    fallback: 'auto',
    help: 'json, one record a line; text, for eyes; auto: text where stderr is a terminal',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** Those that take a whole number. */
export type CountName = {
  [Name in SettingName]: (typeof settings)[Name] extends { readonly range: object } ? Name : never;
}[SettingName];

/** What a setting does, and the numbers that it takes, as help and docs tell it. */
export function helpOf({ help, range }: Setting): string {
  return range === undefined ? help : `${help}; ${range[0]} to ${range[1]}`;
}
