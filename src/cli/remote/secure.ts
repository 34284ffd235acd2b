import { Agent, request } from 'node:https';
import { type ConnectionOptions, type Connections, keptBriefly } from './connections.ts';

interface SecureOptions extends ConnectionOptions {
  /** PEM; undefined: those whom Node believes. */
  readonly ca: Buffer | undefined;
}

/** Connections over TLS: a file of its own, since TLS takes longer to load than all else of a call. */
export function secureConnections({ ca, ...options }: SecureOptions): Connections {
  return { request, agent: keptBriefly(new Agent({ ...options, ...(ca !== undefined && { ca }) })) };
}
