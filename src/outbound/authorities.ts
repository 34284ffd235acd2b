const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, each by itself. Throws Error where there is none, or one that cannot be read. */
export function parseAuthorities(pem: string): readonly string[] {
  const found = pem.match(certificate) ?? [];
  if (found.length === 0) throw new Error('there is no certificate in it (PEM)');
  // Loaded where there is a file: every start of the command line reads this one, and would wait ten milliseconds.
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  for (const [index, one] of found.entries()) {
    try {
      new X509Certificate(one);
    } catch {
      throw new Error(`certificate ${index + 1} of ${found.length} cannot be read`);
    }
  }
  return found;
}
