import { isErased } from '../../domain/erasure.ts';
import { isBirth, type RecordedEvent } from '../../domain/events.ts';
import type { History } from '../../store/store.ts';
import type { Findings } from './findings.ts';

/** No event before a `user.erased` says whom it is about, back to the first of the user in that organization. */
export class Erasing {
  readonly #history: Pick<History, 'userId' | 'isErasing'>;
  readonly #found: Findings;
  #organizationId: unknown;
  /** The first event that has something to be taken from it. */
  #whole: number | undefined;

  constructor(history: Pick<History, 'userId' | 'isErasing'>, found: Findings) {
    this.#history = history;
    this.#found = found;
  }

  next(event: RecordedEvent): void {
    if (isBirth(event) && event.payload.organizationId !== this.#organizationId) {
      this.#organizationId = event.payload.organizationId;
      this.#whole = undefined;
    }
    if (event.type === 'user.erased') this.#end(event.sequence);
    else if (this.#whole === undefined && !isErased(event)) this.#whole = event.sequence;
  }

  #end(sequence: number): void {
    const { userId, isErasing } = this.#history;
    if (this.#whole !== undefined && !isErasing) {
      this.#found.add(
        userId,
        `event ${this.#whole} was erased by event ${sequence}, and still says whom it is about`,
      );
    }
    this.#whole = undefined;
  }
}
