import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** An authority of certificates that nobody trusts unless told to; its files are gone when disposed. */
export interface Authority extends AsyncDisposable {
  readonly caPath: string;
  /** Its own, as PEM. */
  certificate(): Promise<string>;
  /** Signed by it, for such a name: `IP:127.0.0.1` or `DNS:hooks.example`. One that is over was so yesterday. */
  certify(name: string, validity?: 'valid' | 'over'): Promise<KeyPair>;
}

const keyForm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function makeAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-ca-'));
  const openssl = (...argv: readonly string[]) => promisify(execFile)('openssl', argv, { cwd: folder });
  const self = ['-x509', '-subj', '/CN=our own', '-days', '2'];
  await openssl('req', ...self, ...keyForm, '-keyout', 'ca.key', '-out', 'ca.pem');
  let made = 0;
  const text = (path: string) => readFile(join(folder, path), 'utf8');
  return {
    caPath: join(folder, 'ca.pem'),
    certificate: () => text('ca.pem'),
    async certify(name, validity = 'valid') {
      made += 1;
      const [key, request, cert] = [`${made}.key`, `${made}.csr`, `${made}.pem`];
      const wanted = ['-subj', '/CN=receiver', '-addext', `subjectAltName=${name}`];
      await openssl('req', ...wanted, ...keyForm, '-keyout', key, '-out', request);
      const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
      const days = ['-days', validity === 'over' ? '-1' : '2'];
      await openssl('x509', '-req', '-in', request, ...signer, ...days, '-out', cert);
      return { cert: await text(cert), key: await text(key) };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
