import { BlockList, isIP } from 'node:net';
import { invalid } from '../failure.ts';
import { isLoopback } from '../loopback.ts';

/** Of the environment. */
export interface ProxySettings {
  readonly url: string | undefined;
  /** Names, addresses and blocks of addresses that are reached without it, with commas between. */
  readonly except: string;
}

/** The proxy that leads to the server; undefined: there is none, or none that speaks HTTP. Throws CliError. */
export function proxyFor(server: URL, { url = '', except }: ProxySettings): URL | undefined {
  const proxy = URL.canParse(url) ? new URL(url) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol)) return undefined;
  // A proxy for the outside world has no way to this machine's own loopback.
  if (isLoopback(server)) return undefined;
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const isExcepted = except.split(',').some((entry) => isMeant(entry.trim().toLowerCase(), host));
  if (isExcepted) return undefined;
  requireDecodable(proxy);
  return proxy;
}

// Node and grpc-js decode both, and throw at what nobody has encoded.
function requireDecodable({ username, password }: URL): void {
  try {
    decodeURIComponent(`${username}:${password}`);
  } catch (error) {
    const message = 'The proxy of http_proxy or https_proxy: in its user name and password, % is written %25';
    throw invalid(message, error);
  }
}

function isMeant(entry: string, host: string): boolean {
  if (entry === '*') return true;
  const name = entry.replace(/^\*?\./, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`) || isInBlock(name, host));
}

function isInBlock(entry: string, host: string): boolean {
  const [network = '', prefix = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || !/^\d{1,3}$/.test(prefix)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), type);
  return block.check(host, type);
}
