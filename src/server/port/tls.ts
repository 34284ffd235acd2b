import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, createServer, type Server, type TlsOptions } from 'node:tls';
import { type Validity, validityOf } from './certificate.ts';

/** A certificate chain and its key, both PEM. */
export interface TlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * No handshake after the first (RFC 9113 §9.2.1): one costs more than anything else before a token, and Node, which allows three,
 * only tells of those beyond.
 */
const always = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION } as const;

/** A TLS server offering HTTP/2 and HTTP/1.1 by ALPN, and the validity of its certificate. Throws TlsUnusable. */
export async function createTlsServer(
  files: TlsFiles,
  options: TlsOptions,
): Promise<{ readonly server: Server; readonly validity: Validity | undefined }> {
  const pair = await readKeyPair(files);
  const server = createServer({ ...options, ...pair, ...always, ALPNProtocols: ['h2', 'http/1.1'] });
  return { server, validity: validityOf(pair.cert) };
}

/**
 * Reads the pair again for connections to come; open ones keep theirs. Throws TlsUnusable, and leaves the old pair in
 * use. Resolves to the certificate's validity.
 */
export async function reloadKeyPair(server: Server, files: TlsFiles): Promise<Validity | undefined> {
  const pair = await readKeyPair(files);
  server.setSecureContext({ ...pair, ...always });
  return validityOf(pair.cert);
}

/** The pair cannot be read, is broken or does not match; the message names the files. */
class TlsUnusable extends Error {
  override readonly name = 'TlsUnusable';
}

async function readKeyPair({ certPath, keyPath }: TlsFiles): Promise<KeyPair> {
  try {
    const [cert, key] = await Promise.all([readFile(certPath), readFile(keyPath)]);
    // Throws on a broken or mismatched pair here, where nothing has been replaced yet.
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlsUnusable(`cannot use the certificate ${certPath} with the key ${keyPath}: ${why}`, {
      cause,
    });
  }
}
