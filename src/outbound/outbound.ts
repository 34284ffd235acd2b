import type { Agent } from 'node:http';
import { createAgent } from './agent.ts';
import { type Allowed, allowedAddresses, keyOfUrl } from './allowed.ts';
import { type OutboundAnswer, type OutboundRequest, send } from './request.ts';
import { createResolvers, type NamedBy, type Resolve } from './resolve.ts';

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

/** Names are resolved, checked, and the checked address is connected to; see allowed.ts and ranges.ts. */
export function createOutbound(allowed: Allowed, resolve?: Resolve): Outbound {
  const resolvers = createResolvers(resolve);
  return {
    wayTo(configuredUrls) {
      const namedBy: NamedBy = configuredUrls.length > 0 ? 'operator' : 'others';
      const rules = { allowed, configured: new Set(configuredUrls.map(keyOfUrl)) };
      const agents = new Map<string, Agent>();
      const agent = (protocol: string): Agent => {
        const known = agents.get(protocol);
        if (known !== undefined) return known;
        const made = createAgent(protocol, async (destination) =>
          allowedAddresses(destination, await resolvers[namedBy](destination.host), rules),
        );
        agents.set(protocol, made);
        return made;
      };
      return { agent, send: (request) => send(request, agent) };
    },
  };
}
