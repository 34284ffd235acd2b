import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, getCACertificates, rootCertificates } from 'node:tls';
import { StoreUnusable } from '../../store.ts';
import type { ParameterName, Settings } from './parameters.ts';

/** How a connection is protected. */
export interface PostgresTls {
  /** allow: plain text first; prefer: plain text where the server offers no TLS; required: TLS or nothing. */
  readonly mode: 'disable' | 'allow' | 'prefer' | 'required';
  readonly options: ConnectionOptions;
}

export const plainText: PostgresTls = { mode: 'disable', options: {} };

const homeFiles = { sslrootcert: 'root.crt', sslcert: 'postgresql.crt', sslkey: 'postgresql.key' } as const;

/**
 * sslmode and what belongs to it, as libpq means them, but for two: a failure of TLS itself is never answered with plain
 * text (libpq's prefer does that), and where no authority is named for verify-ca or verify-full, Node's own are believed.
 * Throws StoreUnusable, which names a file that cannot be read.
 */
export function readTls(settings: Settings, home: string | undefined): PostgresTls {
  const root = settings.get('sslrootcert');
  const mode = settings.get('sslmode') ?? (root === undefined ? 'prefer' : 'verify-full');
  if (settings.get('sslnegotiation') === 'direct' && /^(disable|allow|prefer)$/.test(mode)) {
    throw new StoreUnusable(`sslnegotiation=direct goes with sslmode=require and above, not with ${mode}`);
  }
  if (mode === 'disable') return plainText;
  if (root === 'system' && mode !== 'verify-full') {
    throw new StoreUnusable(`sslrootcert=system goes with sslmode=verify-full, not with ${mode}`);
  }
  const ca = root === 'system' ? systemRoots() : pemOf('sslrootcert', settings, home);
  const [cert, key, crl] = (['sslcert', 'sslkey', 'sslcrl'] as const).map((name) =>
    pemOf(name, settings, home),
  );
  const [passphrase, min, max] = (
    ['sslpassword', 'ssl_min_protocol_version', 'ssl_max_protocol_version'] as const
  ).map((name) => settings.get(name));
  const options: ConnectionOptions = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(crl && { crl }),
    ...(passphrase && { passphrase }),
    ...(min && { minVersion: min as 'TLSv1.2' }),
    ...(max && { maxVersion: max as 'TLSv1.2' }),
  };
  return { mode: asMode(mode), options: { ...options, ...verification(mode, ca !== undefined) } };
}

const asMode = (mode: string) => (mode === 'allow' || mode === 'prefer' ? mode : 'required');

// Encrypted, but to whomever answers, unless there is a root to hold the answer against; the name only by verify-full.
function verification(mode: string, hasRoot: boolean): ConnectionOptions {
  if (mode === 'verify-full') return {};
  return hasRoot || mode === 'verify-ca'
    ? { checkServerIdentity: () => undefined }
    : { rejectUnauthorized: false };
}

function systemRoots(): string[] {
  return [...getCACertificates('system'), ...rootCertificates];
}

function pemOf(name: ParameterName, settings: Settings, home: string | undefined): Buffer | undefined {
  const path = settings.get(name);
  if (path !== undefined) return readPem(name, path);
  const byHome = home && name in homeFiles && join(home, '.postgresql', homeFiles[name as 'sslcert']);
  return byHome && existsSync(byHome) ? readPem(name, byHome) : undefined;
}

function readPem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnusable(`cannot read the ${name} of the database: ${reason}`, { cause: error });
  }
}
