import type { Agent } from 'node:http';
import { type Admit, createAgent } from './agent.ts';
import { type Allowed, allowedAddresses, keyOfUrl } from './allowed.ts';
import { type OutboundAnswer, type OutboundRequest, send } from './request.ts';
import { createResolvers, type NamedBy, type Resolve } from './resolve.ts';
import { createTrust } from './trust.ts';

/** One part's way to other servers. */
export interface Way {
  /** Rejects with why there is no answer, OutboundRefused where it must not be asked for one. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** For a library that makes its requests itself; `http:` or `https:`. */
  agent(protocol: string): Agent;
}

/** Every connection that the server opens to anything but its database. */
export interface Outbound {
  /**
   * What the operator wrote into the configuration of a part is allowed to that part, whatever its address, by host and
   * port; where an answer, or somebody who holds a token, names another place, the rules decide.
   */
  wayTo(configuredUrls: readonly string[]): Way;
}

export interface OutboundOptions {
  /** Default: as this machine does. */
  readonly resolve?: Resolve;
  /** Certificates that are trusted beside those that Node trusts, as parseAuthorities has them. */
  readonly authorities?: readonly string[];
}

/** Names are resolved, checked, and the checked address is connected to; see allowed.ts and ranges.ts. */
export function createOutbound(
  allowed: Allowed,
  { resolve, authorities = [] }: OutboundOptions = {},
): Outbound {
  const resolvers = createResolvers(resolve);
  const trust = createTrust(authorities);
  return {
    wayTo(configuredUrls) {
      const namedBy: NamedBy = configuredUrls.length > 0 ? 'operator' : 'others';
      const rules = { allowed, configured: new Set(configuredUrls.map(keyOfUrl)) };
      // It keeps no connection, so each request may as well have one of its own.
      const agentOf = (protocol: string, owner: string): Agent => {
        const admit: Admit = async (destination) =>
          allowedAddresses(destination, await resolvers[namedBy](destination.host, owner), rules);
        return createAgent(protocol, { admit, trust });
      };
      return {
        agent: (protocol) => agentOf(protocol, ''),
        send: (request) => send(request, (protocol) => agentOf(protocol, request.owner ?? '')),
      };
    },
  };
}
