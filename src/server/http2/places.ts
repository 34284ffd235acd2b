import { type Account, costBytes } from '../http/admission.ts';
import type { RequestHead } from './request-head.ts';
import type { Sender } from './sender.ts';

// RFC 9113 §6.5.2 asks servers to take a hundred, and clients that have not read SETTINGS yet count on it.
const unheardStreamsMax = 100;
// Below so much a client is not slow, only not done.
const unsentBytesFree = 65_536;
// Of a stranger's frames so many are read in one turn of the event loop: a read of 64 KiB can begin thousands of streams.
const framesATurnMax = 32;

interface StreamsMax {
  readonly streamsMax: number;
  readonly strangerStreamsMax: number;
}

/** How many streams one connection may have, and what it holds of the listener's budget. */
export class Places {
  readonly #account: Account;
  readonly #sender: Sender;
  readonly #max: StreamsMax;
  #heldBytes = 0;
  /** The client has been told that it may have all of its streams, and is taken at that. */
  #isRaised = false;

  constructor(account: Account, sender: Sender, max: StreamsMax) {
    this.#account = account;
    this.#sender = sender;
    this.#max = max;
    sender.outbox.isPatient = account.isProven;
  }

  /** What this server's first SETTINGS say. */
  get announced(): number {
    return this.#account.isProven ? this.#max.streamsMax : this.#ofStrangers;
  }

  get isProven(): boolean {
    return this.#account.isProven;
  }

  /** Frames that may be read before others have their turn. */
  get framesATurn(): number {
    return this.#account.isProven ? Number.POSITIVE_INFINITY : framesATurnMax;
  }

  /** Whether there is room for one more stream, given whether the client knows this server's SETTINGS. */
  take(streams: number, head: RequestHead, isHeard: boolean): boolean {
    const { streamsMax } = this.#max;
    const unheard = Math.min(streamsMax, Math.max(unheardStreamsMax, this.#ofStrangers));
    const hasAll = this.#isRaised || this.#account.isProven;
    const most = hasAll ? streamsMax : isHeard ? this.#ofStrangers : unheard;
    return streams < most && this.#account.take(costBytes.stream + head.bytes);
  }

  give(head: RequestHead): void {
    this.#account.give(costBytes.stream + head.bytes);
  }

  /** More bytes are held, or fewer; whether there is room. */
  hold(bytes: number): boolean {
    if (bytes > 0) return this.#account.take(bytes);
    this.#account.give(-bytes);
    return true;
  }

  /** Whether there is room for what the connection itself holds now: frames that are not whole, and what is not taken. */
  holdConnection(unreadBytes: number): boolean {
    const { unsentBytes } = this.#sender.outbox;
    const heldBytes = unreadBytes + (unsentBytes > unsentBytesFree ? unsentBytes : 0);
    if (heldBytes === this.#heldBytes) return true;
    const isHeld = this.hold(heldBytes - this.#heldBytes);
    if (isHeld) this.#heldBytes = heldBytes;
    return isHeld;
  }

  /** A valid token was seen: it is no stranger's connection any more. */
  prove(owner: string): void {
    const isNew = !this.#account.isProven;
    this.#account.prove(owner);
    if (!isNew || this.#isRaised) return;
    this.#isRaised = true;
    this.#sender.outbox.isPatient = true;
    this.#sender.raiseStreams(this.#max.streamsMax);
  }

  /** One was seen that is not valid, or not any more. */
  doubt(): void {
    this.#account.doubt();
  }

  get #ofStrangers(): number {
    return Math.min(this.#max.streamsMax, this.#max.strangerStreamsMax);
  }
}
