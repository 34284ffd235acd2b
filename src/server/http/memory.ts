import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const mebibyte = 1_048_576;

/** What of the memory the door may fill with what it has not finished. */
export interface MemoryShares {
  /** Connections, and requests on them that are not answered, or whose answers are not taken. */
  readonly requestsBytes: number;
  /** Bodies of unary calls. */
  readonly bodiesBytes: number;
}

/**
 * An eighth for each of the two: the rest is the process itself, what calls under way need, and garbage that is not
 * collected yet. The memory there is: the heap's limit, the container's (cgroup), or the machine's, whichever is least.
 */
export function memoryShares(bytes: number = memoryBytes()): MemoryShares {
  const share = Math.floor(bytes / 8);
  return { requestsBytes: Math.min(512 * mebibyte, share), bodiesBytes: Math.min(128 * mebibyte, share) };
}

function memoryBytes(): number {
  // Where nothing constrains the process this is 0, or more than any machine has.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(getHeapStatistics().heap_size_limit, constrained, totalmem());
}
