import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/**
 * Whose certificates are believed: beside these authorities, whoever Node itself trusts, which is what NODE_EXTRA_CA_CERTS
 * and --use-system-ca say as well. Made once, as reading all of them takes milliseconds.
 */
export function createTrust(authorities: readonly string[]): () => SecureContext | undefined {
  let made: SecureContext | undefined;
  return () => {
    if (authorities.length === 0) return undefined;
    made ??= createSecureContext({ ca: [...getCACertificates('default'), ...authorities] });
    return made;
  };
}
