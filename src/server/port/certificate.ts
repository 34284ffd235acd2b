import { X509Certificate } from 'node:crypto';

/** From when to when a certificate is good. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

const dayMs = 86_400_000;

/** An end is told of this long before it, or when a third of the validity is left: some certificates are good for a day. */
const warningMsMax = 14 * dayMs;

/** Of the first certificate of a chain (PEM); undefined where Node cannot tell. */
export function validityOf(cert: Buffer): Validity | undefined {
  try {
    const { validFromDate, validToDate } = new X509Certificate(cert);
    return { from: validFromDate, to: validToDate };
  } catch {
    return undefined;
  }
}

/** Whom to tell, by which clock, of which certificate. */
export interface CertificateWatch {
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly now: () => number;
  /** undefined: there is none. */
  readonly validity: () => Validity | undefined;
}

/**
 * Looks at the certificate, and again whenever what it answers is called: that it ends soon, or is not valid now, is told when it is
 * first seen and then once a day. Every client refuses such a server, so that nothing else would be in its log.
 */
export function watchCertificate({ log, now, validity }: CertificateWatch): () => void {
  let told = '';
  let toldAtMs = 0;
  const look = (): void => {
    const known = validity();
    if (known === undefined) return;
    const [nowMs, fromMs, toMs] = [now(), known.from.getTime(), known.to.getTime()];
    const event = eventOf(fromMs, toMs, nowMs);
    const tells = `${event} ${toMs}`;
    if (tells === told && Math.abs(nowMs - toldAtMs) < dayMs) return;
    told = tells;
    toldAtMs = nowMs;
    if (event !== undefined)
      log(event, { validFrom: known.from.toISOString(), validTo: known.to.toISOString() });
  };
  look();
  return look;
}

function eventOf(fromMs: number, toMs: number, nowMs: number): string | undefined {
  if (nowMs < fromMs || nowMs >= toMs) return 'tls.not-valid';
  return toMs - nowMs < Math.min(warningMsMax, (toMs - fromMs) / 3) ? 'tls.ends-soon' : undefined;
}
