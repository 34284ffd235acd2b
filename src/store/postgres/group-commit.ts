/** Which of those that wait go together. */
export interface Grouping<Member> {
  /** Of those that wait, in their order: who goes now, and who stays. Nobody goes where nobody can. */
  take(waiting: readonly Member[]): { readonly members: readonly Member[]; readonly left: Member[] };
  /** They are done with. */
  release(members: readonly Member[]): void;
}

export interface GroupCommitOptions<Member> {
  readonly grouping: Grouping<Member>;
  /** Groups under way at once. */
  readonly commitsMax: number;
  /** Never rejects: whatever happens is some member's answer. */
  readonly commit: (members: readonly Member[]) => Promise<void>;
  /** Hears how many are left whenever some go. */
  readonly waiting?: (count: number) => void;
}

/** What arrives while commits are under way goes into the next one, together. Nothing waits for more to come. */
export class GroupCommit<Member> {
  readonly #options: GroupCommitOptions<Member>;
  #waiting: Member[] = [];
  #underWay = 0;
  #isScheduled = false;

  constructor(options: GroupCommitOptions<Member>) {
    this.#options = options;
  }

  add(member: Member): void {
    this.#waiting.push(member);
    this.#schedule();
  }

  isBusy(): boolean {
    return this.#waiting.length > 0 || this.#underWay > 0;
  }

  // Once a turn of the event loop, so that all who ask in one turn go together.
  #schedule(): void {
    if (this.#isScheduled || this.#underWay >= this.#options.commitsMax) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    if (this.#underWay >= this.#options.commitsMax) return;
    const { members, left } = this.#options.grouping.take(this.#waiting);
    this.#waiting = left;
    this.#options.waiting?.(left.length);
    if (members.length === 0) return;
    void this.#run(members);
    if (left.length > 0) this.#schedule();
  }

  async #run(members: readonly Member[]): Promise<void> {
    this.#underWay += 1;
    await this.#options.commit(members);
    this.#underWay -= 1;
    this.#options.grouping.release(members);
    if (this.#waiting.length > 0) this.#schedule();
  }
}
