import type { RecordedEvent } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import { canonicalJson } from '../canonical-json.ts';

export interface Problem {
  /** Empty where it is about an organization. */
  readonly userId: UserId;
  readonly text: string;
}

const problemsMax = 100;

/** What a verification has looked at so far, and what it has found. */
export class Findings {
  users = 0;
  organizations = 0;
  events = 0;
  problemsTotal = 0;
  readonly problems: Problem[] = [];

  add(userId: UserId, text: string): void {
    this.problemsTotal += 1;
    if (this.problems.length < problemsMax) this.problems.push({ userId, text });
  }
}

/** Sequences without gap from 1, positions rising. */
export class Order {
  readonly #userId: UserId;
  readonly #found: Findings;
  #sequence = 0;
  #position = 0;

  constructor(userId: UserId, found: Findings) {
    this.#userId = userId;
    this.#found = found;
  }

  next({ sequence, position }: RecordedEvent): void {
    this.#found.events += 1;
    if (sequence !== this.#sequence + 1) {
      this.#found.add(this.#userId, `event ${this.#sequence + 1} is missing: the next one is ${sequence}`);
    }
    if (position <= this.#position) {
      this.#found.add(this.#userId, `event ${sequence} stands at position ${position}, before an older one`);
    }
    this.#sequence = sequence;
    this.#position = position;
  }
}

export interface Compared {
  readonly userId: UserId;
  readonly what: string;
  readonly row: unknown;
  readonly events: unknown;
}

/** Adds a problem where the row is not what its events make. */
export function addDifference({ userId, what, row, events }: Compared, found: Findings): void {
  if (isSame(row, events)) return;
  const [inRow, inEvents] = [asText(row), asText(events)];
  if (inRow !== inEvents) found.add(userId, `${what}: the row says ${inRow}, its events say ${inEvents}`);
}

// True only where the texts are equal too: nearly always, and ten times sooner.
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every((name) => isSame(one[name as keyof typeof one], other[name as keyof typeof other]))
  );
}

const asText = (value: unknown): string => (value === undefined ? 'nothing' : canonicalJson(value));
