import type { UserEvent } from '../domain/events.ts';
import type { AttemptOutcome } from '../domain/subscription.ts';
import type { User } from '../domain/user.ts';

/**
 * All that server/, rpc/, store/ and webhooks/ know of this room: what they tell of themselves. Nothing here may throw, wait, or
 * cost a call more than a fifth of a microsecond; what counts it stands in metrics.ts, or nothing does.
 */
export interface Measures extends DoorMeasures, StoreMeasures, DeskMeasures, DeliveryMeasures {}

/** As OpenTelemetry names what carries a call; gRPC-Web counts as gRPC. */
export const rpcSystems = ['grpc', 'connectrpc'] as const;
export type RpcSystem = (typeof rpcSystems)[number];

/** Where answers of one kind are counted; asked for once, when the server is made. */
export interface Answers {
  /** `code` is 0 for OK, else gRPC's number; `status` is HTTP's; `startedMs` by performance.now(). */
  answered(code: number, status: number, startedMs: number): void;
}

/** What a method is counted as that is not served: names come from us alone, so that no client can make up rows. */
export const otherName = '_OTHER';

export interface DoorMeasures {
  /** The calls of `package.Service/Method`: one that is served, or `_OTHER`. */
  rpcAnswers(system: RpcSystem, method: string): Answers;
  /** Requests that no dialect of RPC answers, by the template of a route that is served, or ''; unknown verbs are `_OTHER`. */
  httpAnswers(verb: string, template: string): Answers;
}

/** Why a commit failed. */
export const storeFailures = ['busy', 'full', 'read_only', 'damaged', 'io', 'connection', 'other'] as const;
export type StoreFailure = (typeof storeFailures)[number];

export interface StoreMeasures {
  /** One transaction with so many changes is durable. */
  committed(changes: number, startedMs: number): void;
  commitFailed(reason: StoreFailure): void;
  /** So many changes wait for a transaction now. */
  waiting(changes: number): void;
  /** The user's row has been moved by these events, durably. */
  moved(before: User | undefined, events: readonly UserEvent[], atMs: number): void;
}

export const callLimits = ['token', 'address', 'refused'] as const;
export type CallLimit = (typeof callLimits)[number];

/** One who reads the log as it grows. */
export interface Follower {
  /** It has taken the event with this position, and all before it. */
  hasTaken(position: number): void;
  left(): void;
}

export interface DeskMeasures {
  callLimited(limit: CallLimit): void;
  /** Follows what comes after the position. */
  follower(afterPosition: number): Follower;
}

export interface DeliveryMeasures {
  /** One try to tell a subscription's receiver of an event has ended. */
  delivered(outcome: AttemptOutcome, durationMs: number): void;
}

/** A call that is followed through the server. */
export interface FollowedCall {
  /** `package.Service/Method`. */
  readonly method: string;
  /** undefined: REST. */
  readonly system: RpcSystem | undefined;
  readonly requestId: string;
  /** W3C Trace Context, as received. */
  readonly traceparent: string | undefined;
  /** gRPC's number for what the call threw. */
  readonly codeOf: (error: unknown) => number;
}

/** Something that no call waits for, and what becomes of it. */
export interface FollowedWork<Value> {
  /** Of the span: one of a few. */
  readonly name: string;
  /** Of the call that it goes back to, as received: linked to. */
  readonly traceparent: string | undefined;
  /** Where it says `error.type`, the work has failed. */
  readonly attributesOf: (value: Value) => Readonly<Record<string, string | number>>;
}

/** Makes spans of some calls, and of what they wait for. */
export interface Tracer {
  /** Whether to follow a call; asked once for each. It takes no memory. */
  samples(traceparent: string | undefined): boolean;
  /** The call's own span, around the work. */
  follow<Value>(call: FollowedCall, work: () => Promise<Value>): Promise<Value>;
  /** Whether what runs now belongs to a call that is followed. */
  isFollowing(): boolean;
  /** A span within the call's, where that is followed. */
  span<Value>(name: string, work: () => Promise<Value>): Promise<Value>;
  /** A span that belongs to no call, around the work, where that is chosen as calls are. */
  alone<Value>(facts: FollowedWork<Value>, work: () => Promise<Value>): Promise<Value>;
}

const nothing = () => undefined;
const nowhere: Answers = Object.freeze({ answered: nothing });
const nobody: Follower = Object.freeze({ hasTaken: nothing, left: nothing });

/** Counts nothing: a server without metrics, and the command line. */
export const unmeasured: Measures = Object.freeze({
  rpcAnswers: () => nowhere,
  httpAnswers: () => nowhere,
  committed: nothing,
  commitFailed: nothing,
  waiting: nothing,
  moved: nothing,
  callLimited: nothing,
  follower: () => nobody,
  delivered: nothing,
});
