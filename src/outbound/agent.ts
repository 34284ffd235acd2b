import { type ClientRequestArgs, Agent as PlainAgent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { connect as connectPlain, type LookupFunction, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectSecure, type SecureContext } from 'node:tls';
import type { Destination } from './allowed.ts';

/** The addresses that may be connected to. Rejects with OutboundRefused, and where the name has none. */
export type Admit = (destination: Destination) => Promise<readonly string[]>;

export interface AgentParts {
  readonly admit: Admit;
  /** Whose certificates are believed; undefined: those whom Node trusts. */
  readonly trust: () => SecureContext | undefined;
}

/** The body of one answer. */
export const answerBytesMax = 65_536;
/** One connection carries one answer, and Node bounds its head at 16 KiB. */
const connectionBytesMax = answerBytesMax + 16_384;

/**
 * An agent whose connections lead to the addresses that were checked, and to no others: a name that has a new one a
 * moment later is asked again for the next connection. No connection is used twice, and none brings more than one answer
 * may have.
 */
export function createAgent(protocol: string, parts: AgentParts): PlainAgent {
  return protocol === 'https:' ? new AdmittedSecureAgent(parts) : new AdmittedAgent(parts.admit);
}

type Created = (error: Error | null, stream: Duplex) => void;
type Connect = (options: NetConnectOpts) => Socket;

class AdmittedAgent extends PlainAgent {
  readonly #admit: Admit;
  constructor(admit: Admit) {
    super({ keepAlive: false });
    this.#admit = admit;
  }
  override createConnection(options: ClientRequestArgs, created?: Created): null {
    connectAdmitted({ options, admit: this.#admit, isEncrypted: false, connect: connectPlain }, created);
    return null;
  }
}

class AdmittedSecureAgent extends SecureAgent {
  readonly #parts: AgentParts;
  constructor(parts: AgentParts) {
    super({ keepAlive: false });
    this.#parts = parts;
  }
  override createConnection(options: ClientRequestArgs, created?: Created): null {
    const { admit, trust } = this.#parts;
    const secureContext = trust();
    const connect: Connect = (to) => connectSecure({ ...to, ...(secureContext && { secureContext }) });
    connectAdmitted({ options, admit, isEncrypted: true, connect }, created);
    return null;
  }
}

interface Wanted {
  readonly options: ClientRequestArgs;
  readonly admit: Admit;
  readonly isEncrypted: boolean;
  readonly connect: Connect;
}

function connectAdmitted({ options, admit, isEncrypted, connect }: Wanted, created?: Created): void {
  const { host, port } = options;
  const destination = { host: host ?? '', port: Number(port), isEncrypted };
  const open = (addresses: readonly string[]): Socket =>
    bounded(connect({ ...options, lookup: only(addresses), autoSelectFamily: true } as NetConnectOpts));
  // Node's agent takes no stream beside an error, whatever the types say.
  const fail = (error: unknown): void => created?.(error as Error, undefined as unknown as Duplex);
  admit(destination)
    .then(open)
    .then((socket) => created?.(null, socket), fail);
}

/** Nobody is asked again between the check and the connection. */
function only(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, { all: wantsAll }, done) => {
    const [first] = all;
    if (wantsAll || first === undefined) done(null, all);
    else done(null, first.address, first.family);
  };
}

/** The answer is cut. */
export const tooLarge = (): Error => new Error(`the answer has more than ${answerBytesMax} bytes`);

function bounded(socket: Socket): Socket {
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes > connectionBytesMax) socket.destroy(tooLarge());
  });
  return socket;
}
