import type { Agent, AgentOptions, request } from 'node:http';
import type { Socket } from 'node:net';

/** Connections to one server, over HTTP/1.1. */
export interface Connections {
  readonly request: typeof request;
  readonly agent: Agent;
}

export type ConnectionOptions = Pick<AgentOptions, 'keepAlive' | 'maxSockets' | 'proxyEnv'>;

/** No server and no proxy ends a connection that soon, so what looks like its end while a call is under way is one. */
const idleMs = 1_000;

/** The agent ends what is free for so long: the timeout of a free socket is its end. */
export function keptBriefly<Kept extends Agent>(agent: Kept): Kept {
  return agent.on('free', (socket: Socket) => void socket.setTimeout(idleMs));
}
