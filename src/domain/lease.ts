/**
 * Milliseconds that are left of a lease, by its end and the time, both since 1970. None of one with more left than any is
 * given: a clock that ran ahead wrote it, or this one was set back. 0 or less: anybody may have what was leased.
 */
export function leaseLeftMs(until: number, { nowMs, msMax }: { nowMs: number; msMax: number }): number {
  const leftMs = until - nowMs;
  return leftMs > msMax ? 0 : leftMs;
}
