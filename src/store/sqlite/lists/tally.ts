import type { OrganizationId, UserId } from '../../../domain/ids.ts';
import type { LockCause } from '../../../domain/lock.ts';
import { digestOfAll } from '../../../domain/unlock-run.ts';
import type { FrozenSet, LocksFound } from '../../unlock-run-store.ts';

/** Locks of one organization and cause. */
export interface KnownGroup {
  readonly of: readonly [organizationId: string, cause: string | null];
  /** Of all parts so far, and of the last one. */
  locks: number;
  lately: number;
}

/** So many of them the database is asked to count; each costs it something of every lock. */
const knownMax = 4;
/** A group is worth that where it had such a share of the last part. */
const knownShareMin = 1 / 6;

/** What is known of locks that are looked at part by part. */
export class Tally {
  readonly #groups = new Map<string, Map<string | null, KnownGroup>>();
  readonly #oldest: Sample;
  readonly #newest: Sample;
  readonly #sampleSize: number;
  #last: KnownGroup | undefined;
  #digest = 0;

  constructor(sampleSize: number) {
    this.#sampleSize = sampleSize;
    // At least one: it says when.
    this.#oldest = new Sample(Math.max(1, Math.ceil(sampleSize / 2)), 1);
    this.#newest = new Sample(Math.max(1, Math.floor(sampleSize / 2)), -1);
  }

  /** Groups that much of the next part is likely to be of. */
  known(): readonly KnownGroup[] {
    const groups = this.#all();
    const lately = groups.reduce((all, group) => all + group.lately, 0);
    const known = groups
      .filter((group) => group.lately > 0 && group.lately >= lately * knownShareMin)
      .sort((one, other) => other.lately - one.lately)
      .slice(0, knownMax);
    for (const group of groups) group.lately = 0;
    return known;
  }

  /** Nobody who is not before the first two or after the others, in the order of time and user id, is in the sample. */
  bounds(): readonly [beforeSince: number, beforeUser: string, afterSince: number, afterUser: string] {
    const [before, after] = [this.#oldest.bound(), this.#newest.bound()];
    return [
      before?.since ?? Number.MAX_SAFE_INTEGER,
      before?.userId ?? '',
      after?.since ?? -1,
      after?.userId ?? '',
    ];
  }

  /** One lock of a group that the database does not count. */
  add(organizationId: string, cause: string | null): number {
    const last = this.#last;
    const isSame = last?.of[0] === organizationId && last.of[1] === cause;
    const group = isSame ? last : this.#groupOf(organizationId, cause);
    this.#last = group;
    group.locks += 1;
    group.lately += 1;
    return 0;
  }

  /** One lock within the bounds. */
  offer(userId: string, since: number): number {
    this.#oldest.offer(userId, since);
    this.#newest.offer(userId, since);
    return 0;
  }

  /** What the database counted: of the groups that were known before it, `known0` and so on. */
  addPart(part: FrozenSet & { readonly [known: `known${number}`]: number }, known: readonly KnownGroup[]) {
    this.#digest = digestOfAll([this.#digest, part.digest]);
    for (const [nth, group] of known.entries()) {
      const locks = part[`known${nth}`] ?? 0;
      group.locks += locks;
      group.lately += locks;
    }
  }

  /** Nothing is counted any more, and nobody in the sample; groups and bounds stay known. */
  startOver(): void {
    for (const group of this.#all()) group.locks = 0;
    this.#digest = 0;
    this.#oldest.startOver();
    this.#newest.startOver();
  }

  found(): LocksFound {
    const groups = this.#all().filter(({ locks }) => locks > 0);
    const [oldest, newest] = [this.#oldest.sampled(), this.#newest.sampled()];
    const [first, last] = [oldest[0], newest[0]];
    const sample = [
      ...oldest.slice(0, Math.ceil(this.#sampleSize / 2)),
      ...newest.slice(0, Math.floor(this.#sampleSize / 2)),
    ];
    return {
      groups: groups.map(({ of: [organizationId, cause], locks }) => ({
        organizationId: organizationId as OrganizationId,
        cause: (cause as LockCause | null) ?? undefined,
        locks,
      })),
      digest: this.#digest,
      times: first && last && { earliest: first.since, latest: last.since },
      sample: [...new Set(sample.map(({ userId }) => userId as UserId))],
    };
  }

  #all(): KnownGroup[] {
    return [...this.#groups.values()].flatMap((byCause) => [...byCause.values()]);
  }

  #groupOf(organizationId: string, cause: string | null): KnownGroup {
    const byCause = this.#groups.get(organizationId) ?? new Map<string | null, KnownGroup>();
    const group = byCause.get(cause) ?? { of: [organizationId, cause], locks: 0, lately: 0 };
    byCause.set(cause, group);
    this.#groups.set(organizationId, byCause);
    return group;
  }
}

interface Sampled {
  readonly userId: string;
  readonly since: number;
}

/** The first so many in the order of time and user id, or against it; those held are sorted now and then alone. */
class Sample {
  readonly #size: number;
  readonly #heldMax: number;
  readonly #way: 1 | -1;
  #held: Sampled[] = [];
  #bound: Sampled | undefined;

  constructor(size: number, way: 1 | -1) {
    this.#size = size;
    this.#heldMax = 16 * size;
    this.#way = way;
  }

  offer(userId: string, since: number): void {
    const bound = this.#bound;
    if (bound !== undefined && this.#order({ userId, since }, bound) >= 0) return;
    this.#held.push({ userId, since });
    if (this.#held.length >= this.#heldMax) this.#cut();
  }

  /** The first that is not in it; undefined: not known. */
  bound(): Sampled | undefined {
    this.#cut();
    return this.#bound;
  }

  sampled(): readonly Sampled[] {
    this.#cut();
    return this.#held;
  }

  startOver(): void {
    this.#cut();
    this.#held = [];
  }

  #cut(): void {
    this.#held.sort((one, other) => this.#order(one, other));
    this.#bound = this.#held[this.#size] ?? this.#bound;
    this.#held.length = Math.min(this.#held.length, this.#size);
  }

  #order(one: Sampled, other: Sampled): number {
    return (
      (one.since - other.since || (one.userId < other.userId ? -1 : Number(one.userId > other.userId))) *
      this.#way
    );
  }
}
