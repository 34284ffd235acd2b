import type { Socket } from 'node:net';
import type { Account } from './admission.ts';

/** The connections of one version of HTTP, whoever accepted them. */
export interface Connections {
  /** Takes a socket over; bytes that were put back are read again. */
  accept(socket: Socket, account: Account): void;
  /** Holds the clock against the limits; called every `sweepIntervalMs`. */
  sweep(nowMs: number): void;
  /** Lets calls in flight finish, closes what is idle, and closes each connection after its last call. */
  drain(): void;
  /** Frees the timers, once every connection is closed. */
  close(): void;
}
