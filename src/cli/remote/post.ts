import { Agent, request } from 'node:http';
import { type Connections, keptBriefly } from './connections.ts';
import { type Answer, exchange, type Sent } from './exchange.ts';
import { proxyFor } from './proxy.ts';
import type { RemoteTarget } from './target.ts';

/** More at once than any command asks. */
const connectionsMax = 16;

/** A call: `path` is `/package.Service/Method`. */
export type Post = Omit<Sent, 'url' | 'isProxied'> & { readonly path: string };

/** Posts over HTTP/1.1; nothing is ever sent twice. */
export interface Poster {
  /** Throws CallFailed. */
  post(what: Post): Promise<Answer>;
  close(): void;
}

/** Of the target's server. TLS is loaded where it is spoken. */
export async function openPoster({
  url,
  ca,
  proxy,
}: Pick<RemoteTarget, 'url' | 'ca' | 'proxy'>): Promise<Poster> {
  const through = proxyFor(url, proxy)?.href;
  const options = {
    ...{ keepAlive: true, maxSockets: connectionsMax },
    ...(through !== undefined && { proxyEnv: { http_proxy: through, https_proxy: through } }),
  };
  const connections: Connections =
    url.protocol === 'https:'
      ? (await import('./secure.ts')).secureConnections({ ...options, ca })
      : { request, agent: keptBriefly(new Agent(options)) };
  return {
    post: (what) =>
      exchange(connections, { ...what, url: new URL(what.path, url), isProxied: through !== undefined }),
    close: () => connections.agent.destroy(),
  };
}
