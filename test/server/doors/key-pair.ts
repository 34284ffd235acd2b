import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A self-signed certificate, for 127.0.0.1 unless it is for another name, and its key, gone when disposed. */
export interface KeyPairFiles extends AsyncDisposable {
  readonly certPath: string;
  readonly keyPath: string;
}

export async function makeKeyPair(name = 'IP:127.0.0.1'): Promise<KeyPairFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-tls-'));
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=latchkey', '-addext', `subjectAltName=${name}`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    ...key,
    ...subject,
    '-keyout',
    keyPath,
    '-out',
    certPath,
  ]);
  return { certPath, keyPath, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
