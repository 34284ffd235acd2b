import type { RemoteTarget } from './target.ts';

/** Who asks, and why. */
export function headersOf({ token, reason }: Pick<RemoteTarget, 'token' | 'reason'>): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    ...(reason !== undefined && { 'latchkey-reason': encodeURIComponent(reason) }),
  };
}
