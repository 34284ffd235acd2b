import type { Socket } from 'node:net';
import { addressKey } from '../../rpc/limits/call-limits.ts';
import { plainAddress } from '../../rpc/limits/plain-address.ts';
import type { ListenerLimits } from './listener-limits.ts';
import { type OwnedAccount, type Owner, Owners } from './owners.ts';

/** About what each costs, measured with what strangers can make of it. */
export const costBytes = Object.freeze({
  connection: 8 * 1_024,
  tls: 48 * 1_024,
  /** The tables, buffers and remembered heads of a connection of HTTP/2, beside those of its socket. */
  http2: 24 * 1_024,
  /** The parser of a connection of HTTP/1.1, with headers that are not whole. */
  http1: 24 * 1_024,
  /** A stream and its call; its headers count by their length. */
  stream: 2 * 1_024,
  /** A request of HTTP/1.1, headers included: they are read before anybody could count them. */
  request: 8 * 1_024,
  /** A call that goes through Connect's own server. */
  streamingCall: 16 * 1_024,
});

/** What all connections of one listener may hold. */
export interface AdmissionOptions
  extends Pick<
    ListenerLimits,
    'requestsBytesMax' | 'connectionsMax' | 'knownTimeoutMs' | 'strangersPerAddressMax'
  > {
  /** Proxies speak for many: neither counted by address nor strangers. */
  readonly isTrusted: (address: string) => boolean;
  readonly count: (refusal: string) => void;
}

/** Parts of `knownTimeoutMs` by which the time since the last valid token is counted. */
const ticksKnown = 20;
/** A token that is refused so soon after a valid one tells nothing of the connection: a proxy's has many. */
const ticksSure = 2;

// Of the oldest strangers; beyond it they are so many that no address has much.
const lookedAtMax = 64;

interface Address {
  connections: Set<Account>;
  bytes: number;
}

/**
 * One budget for all that is not finished. Strangers, on whose connections no valid token was seen yet, have half of it,
 * and those of one address half of that. Who comes when it is full takes the place of the oldest stranger: of its own
 * address where that has too many, else of any. So nobody is shut out by those who came first and stay;
 * those who have a token share what they may hold by organization. Connections are counted in the same way: all who have
 * shown a token may have three quarters of them.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #strangersBytesMax: number;
  readonly #addressBytesMax: number;
  readonly #owners: Owners;
  readonly #addresses = new Map<string, Address>();
  /** Oldest first. */
  readonly #strangers = new Set<Account>();
  #tick = 0;
  #tickedMs = 0;
  #bytes = 0;
  #connections = 0;
  #strangersBytes = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#strangersBytesMax = Math.floor(options.requestsBytesMax / 2);
    this.#addressBytesMax = Math.floor(options.requestsBytesMax / 4);
    this.#owners = new Owners(options.requestsBytesMax, options.connectionsMax);
  }

  /** What all connections hold now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Moves on by the clock: connections on which no valid token was seen for long are strangers' again. */
  sweep(nowMs: number): void {
    if (nowMs - this.#tickedMs < this.#options.knownTimeoutMs / ticksKnown) return;
    this.#tickedMs = nowMs;
    this.#tick += 1;
    for (const account of this.#owners.restingSince(this.#tick - ticksKnown)) account.disown();
  }

  /** Takes a connection in until it closes; one for which there is no room is destroyed. */
  open(socket: Socket): boolean {
    const peer = plainAddress(socket.remoteAddress ?? '');
    const account = new Account(this, addressKey(peer), () => socket.destroy());
    account.isProven = this.#options.isTrusted(peer);
    this.#connections += 1;
    if (!account.isProven) this.#enter(account);
    accounts.set(socket, account);
    socket.once('close', () => account.close());
    if (this.#hasPlace(account) && account.take(costBytes.connection)) return true;
    socket.destroy();
    return false;
  }

  /** Whether it is one of the connections there may be, once others have made room. */
  #hasPlace(account: Account): boolean {
    while (this.#connections > this.#options.connectionsMax) {
      if (!this.#cutGreediest(account)) return this.#refuse('connectionsMax');
    }
    return true;
  }

  // What follows is for accounts alone.

  /** Whether so many bytes more are there for this account. */
  take(account: Account, bytes: number): boolean {
    const { requestsBytesMax } = this.#options;
    const { owner } = account;
    if (!account.isProven && !this.#takeAsStranger(account, bytes)) return this.#refuse('memoryOfStrangers');
    if (owner !== undefined && !this.#owners.makeRoom(account, owner, bytes))
      return this.#refuse('memoryOfOwner');
    // Whoever has shown a token comes before all who have not.
    while (this.#bytes + bytes > requestsBytesMax) if (!this.#cutGreediest(account)) break;
    if (this.#bytes + bytes > requestsBytesMax) return this.#refuse('memory');
    this.move(account, bytes);
    return true;
  }

  /** Counts bytes that are held already, or were. */
  move(account: Account, bytes: number): void {
    this.#bytes += bytes;
    account.bytes += bytes;
    if (account.owner !== undefined) this.#owners.move(account.owner, bytes);
    if (account.isProven) return;
    this.#strangersBytes += bytes;
    const address = this.#addresses.get(account.address);
    if (address !== undefined) address.bytes += bytes;
  }

  /** It is no stranger any more, but one of these. */
  adopt(account: Account, owner: string): void {
    this.leave(account);
    account.isProven = true;
    this.#owners.enter(account, owner);
  }

  /** It counts as a stranger's again, where it was somebody's. */
  disown(account: Account): void {
    const { owner } = account;
    if (owner === undefined) return;
    this.#owners.leave(account, owner);
    account.owner = undefined;
    account.isProven = false;
    this.#strangersBytes += account.bytes;
    this.#enter(account);
  }

  get tick(): number {
    return this.#tick;
  }

  /** It is no stranger any more, or it is gone. */
  leave(account: Account): void {
    const address = this.#addresses.get(account.address);
    this.#strangers.delete(account);
    this.#strangersBytes -= account.bytes;
    if (address === undefined) return;
    address.bytes -= account.bytes;
    address.connections.delete(account);
    if (address.connections.size === 0) this.#addresses.delete(account.address);
  }

  /** Its bytes are free. */
  free(account: Account): void {
    this.#bytes -= account.bytes;
    this.#connections -= 1;
    if (account.owner !== undefined) this.#owners.leave(account, account.owner);
  }

  #enter(account: Account): void {
    let address = this.#addresses.get(account.address);
    if (address === undefined) {
      address = { connections: new Set(), bytes: 0 };
      this.#addresses.set(account.address, address);
    }
    address.connections.add(account);
    address.bytes += account.bytes;
    this.#strangers.add(account);
    if (address.connections.size <= this.#options.strangersPerAddressMax) return;
    this.#options.count('connectionsOfAddress');
    this.#cutOldest(address.connections, account);
  }

  #takeAsStranger(account: Account, bytes: number): boolean {
    const address = this.#addresses.get(account.address);
    if (address === undefined) return false;
    while (address.bytes + bytes > this.#addressBytesMax) {
      if (!this.#cutOldest(address.connections, account)) return false;
    }
    while (this.#strangersBytes + bytes > this.#strangersBytesMax) {
      if (!this.#cutGreediest(account)) return false;
    }
    return true;
  }

  /** The oldest of an address that holds more than its share: who has just come from elsewhere is not cut by a flood. */
  #cutGreediest(account: Account): boolean {
    const share = this.#strangersBytes / this.#addresses.size;
    let looked = 0;
    for (const stranger of this.#strangers) {
      if (++looked > lookedAtMax) break;
      const held = this.#addresses.get(stranger.address)?.bytes ?? 0;
      if (held >= share) return this.#cutOldest([stranger], account);
    }
    return this.#cutOldest(this.#strangers, account);
  }

  /** Whether there was one older than the account itself: what is newer keeps its place. */
  #cutOldest(from: Iterable<Account>, account: Account): boolean {
    for (const oldest of from) {
      if (oldest === account) return false;
      this.#options.count('madeRoom');
      oldest.close();
      oldest.cut();
      return true;
    }
    return false;
  }

  #refuse(refusal: string): false {
    this.#options.count(refusal);
    return false;
  }
}

/** What one connection holds of the budget. */
export class Account implements OwnedAccount {
  /** A valid token was seen on it, or it is a trusted proxy's. */
  isProven = false;
  provenTick = 0;
  bytes = 0;
  /** Whose token was seen first; a trusted proxy's belongs to nobody. */
  owner: Owner | undefined;
  readonly address: string;
  /** Ends the connection at once. */
  cut: () => void;
  readonly #admission: Admission;
  #isClosed = false;

  constructor(admission: Admission, address: string, cut: () => void) {
    this.#admission = admission;
    this.address = address;
    this.cut = cut;
  }

  /** Whether so many bytes more are there; only then they count. */
  take(bytes: number): boolean {
    return !this.#isClosed && this.#admission.take(this, bytes);
  }

  /** Takes back what `take` allowed. */
  give(bytes: number): void {
    if (!this.#isClosed) this.#admission.move(this, -bytes);
  }

  /** A valid token of this organization was seen. */
  prove(owner: string): void {
    this.provenTick = this.#admission.tick;
    if (!this.isProven && !this.#isClosed) this.#admission.adopt(this, owner);
  }

  /** A token was seen that is not valid, or not any more. */
  doubt(): void {
    if (this.isProven && !this.#isClosed && this.#admission.tick - this.provenTick >= ticksSure)
      this.disown();
  }

  disown(): void {
    this.#admission.disown(this);
  }

  /** The connection is gone, and all that it held. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isProven) this.#admission.leave(this);
    this.#admission.free(this);
  }
}

const accounts = new WeakMap<Socket, Account>();

/** The account of a connection that a port has taken in. */
export function accountOf(socket: Socket): Account | undefined {
  return accounts.get(socket);
}

/** Under TLS there are two sockets to one connection. */
export function shareAccount(socket: Socket, account: Account): void {
  accounts.set(socket, account);
}
