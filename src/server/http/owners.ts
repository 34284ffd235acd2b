/** A connection of somebody known, as its owner's share counts it. */
export interface OwnedAccount {
  readonly bytes: number;
  owner: Owner | undefined;
  /** The tick of the admission at which a valid token was seen last. */
  readonly provenTick: number;
  /** Makes it a stranger's again. */
  disown(): void;
  close(): void;
  /** Ends the connection at once. */
  cut: () => void;
}

/** The connections on which valid tokens of one organization were seen, oldest first. */
export interface Owner {
  readonly name: string;
  readonly accounts: Set<OwnedAccount>;
  bytes: number;
}

/** Of the oldest connections of an owner; among so many there is one that rests. */
const lookedAtMax = 64;

/**
 * What those may hold together who have shown a valid token: one organization half of the budget and of the connections,
 * all of them three quarters. Beyond it the one of its oldest connections that holds least, and so is at work least, makes room. So neither
 * one token nor many shut out who comes next.
 */
export class Owners {
  readonly #ownerBytesMax: number;
  readonly #bytesMax: number;
  readonly #ownerConnectionsMax: number;
  readonly #connectionsMax: number;
  readonly #owners = new Map<string, Owner>();
  #bytes = 0;
  #connections = 0;

  constructor(bytesMax: number, connectionsMax: number) {
    this.#ownerBytesMax = Math.floor(bytesMax / 2);
    this.#bytesMax = Math.floor((bytesMax * 3) / 4);
    this.#ownerConnectionsMax = Math.ceil(connectionsMax / 2);
    this.#connectionsMax = Math.ceil((connectionsMax * 3) / 4);
  }

  /** Takes a connection in with what it holds. */
  enter(account: OwnedAccount, name: string): void {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = { name, accounts: new Set(), bytes: 0 };
      this.#owners.set(name, owner);
    }
    owner.accounts.add(account);
    this.#connections += 1;
    account.owner = owner;
    this.move(owner, account.bytes);
    this.makeRoom(account, owner, 0);
    while (owner.accounts.size > this.#ownerConnectionsMax) if (!cutIdlest(owner, account)) break;
    while (this.#connections > this.#connectionsMax) if (!cutIdlest(this.#greediest(account), account)) break;
  }

  /** Counts bytes that one of the owner's connections holds, or holds no more. */
  move(owner: Owner, bytes: number): void {
    owner.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Whether there is room for so many bytes more, once others have made it. */
  makeRoom(account: OwnedAccount, owner: Owner, bytes: number): boolean {
    while (owner.bytes + bytes > this.#ownerBytesMax) if (!cutIdlest(owner, account)) return false;
    while (this.#bytes + bytes > this.#bytesMax)
      if (!cutIdlest(this.#greediest(account), account)) return false;
    return true;
  }

  /** On which no valid token was seen since this tick. */
  restingSince(tick: number): readonly OwnedAccount[] {
    const resting: OwnedAccount[] = [];
    for (const { accounts } of this.#owners.values())
      for (const account of accounts) if (account.provenTick < tick) resting.push(account);
    return resting;
  }

  /** Its connection is gone. */
  leave(account: OwnedAccount, owner: Owner): void {
    if (owner.accounts.delete(account)) this.#connections -= 1;
    this.move(owner, -account.bytes);
    if (owner.accounts.size === 0) this.#owners.delete(owner.name);
  }

  /** Of those who have another connection than this one. */
  #greediest(account: OwnedAccount): Owner | undefined {
    let most: Owner | undefined;
    for (const owner of this.#owners.values()) {
      const hasOthers = owner.accounts.size > 1 || owner !== account.owner;
      if (hasOthers && owner.bytes > (most?.bytes ?? 0)) most = owner;
    }
    return most;
  }
}

/** Whether there was another one than the account itself. */
function cutIdlest(owner: Owner | undefined, account: OwnedAccount): boolean {
  let idlest: OwnedAccount | undefined;
  let looked = 0;
  for (const one of owner?.accounts ?? []) {
    if (++looked > lookedAtMax) break;
    if (one !== account && one.bytes < (idlest?.bytes ?? Number.POSITIVE_INFINITY)) idlest = one;
  }
  idlest?.close();
  idlest?.cut();
  return idlest !== undefined;
}
