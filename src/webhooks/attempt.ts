import type { Attempt, AttemptOutcome, Subscription } from '../domain/subscription.ts';
import { OutboundRefused } from '../outbound/allowed.ts';
import type { Way } from '../outbound/outbound.ts';
import { OutboundTimeout } from '../outbound/request.ts';
import type { Message } from './message.ts';
import type { Signer } from './signature.ts';

/** How long one try may take, name and connection included: what the Standard Webhooks specification recommends at least. */
const tryMsMax = 15_000;

export interface AttemptApp {
  readonly way: Way;
  readonly signer: Signer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What came of a try, and what the receiver wants. */
export interface Tried {
  readonly attempt: Attempt;
  /** What Retry-After asks for. */
  readonly askedMs?: number;
  /** Node's word for why there was no answer, such as CERT_HAS_EXPIRED: for whoever runs the server. */
  readonly why?: string;
}

/** Sends the message once. Never rejects, but where the signal has ended it. */
export async function attempt(
  { way, signer, now }: AttemptApp,
  subscription: Subscription,
  message: Message,
  signal?: AbortSignal,
): Promise<Tried> {
  const at = now();
  const startedMs = performance.now();
  const { id, type, body } = message;
  const timestampSeconds = Math.floor(at / 1_000);
  const facts = { at, messageId: id, eventType: type, nth: subscription.tries + 1 };
  const lasted = () => Math.round(performance.now() - startedMs);
  try {
    const { status, headers } = await way.send({
      url: subscription.url,
      method: 'POST',
      owner: subscription.organizationId ?? '',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'latchkey-webhooks',
        'webhook-id': id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': signer.sign({ id, timestampSeconds, body }, subscription, at),
      },
      body,
      answerBody: 'dropped',
      timeoutMs: tryMsMax,
      ...(signal && { signal }),
    });
    const outcome = status >= 200 && status <= 299 ? 'delivered' : 'refused';
    const askedMs = retryAfterMs(headers['retry-after'], at);
    return { attempt: { ...facts, outcome, code: status, durationMs: lasted() }, askedMs };
  } catch (error) {
    signal?.throwIfAborted();
    const why = codeOf(error);
    const outcome = outcomeOf(error, why);
    return { attempt: { ...facts, outcome, code: 0, durationMs: lasted() }, ...(why !== '' && { why }) };
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3); 0 for what is neither. */
function retryAfterMs(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - nowMs);
}

// Whoever owns the subscription may not learn more of this server's network than that it is not for them.
function outcomeOf(error: unknown, code: string): AttemptOutcome {
  if (error instanceof OutboundRefused) return 'not_allowed';
  if (error instanceof OutboundTimeout) return 'timeout';
  if (/^(ENOTFOUND|EAI_|ENODATA|ESERVFAIL)/.test(code)) return 'name_unknown';
  if (/^(HPE_|ERR_INVALID_HTTP)/.test(code)) return 'invalid_answer';
  if (tlsFailures.test(code)) return 'tls_failed';
  return 'unreachable';
}

/** Of OpenSSL and of the check of a certificate (Node's documentation, "X509 certificate error codes"). */
const tlsFailures =
  /CERT|TLS|SSL|CRL|SIGNATURE|ISSUER|ALTNAME|^(EPROTO|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

// Never the message: it may name what the URL names.
const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
