const idsMax = 512;

/** The last streams that this server has reset: the client may not know yet, and what it still sends there is ignored. */
export class ResetIds {
  #ids: Set<number> | undefined;

  add(streamId: number): void {
    this.#ids ??= new Set();
    this.#ids.add(streamId);
    if (this.#ids.size <= idsMax) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }

  has(streamId: number): boolean {
    return this.#ids?.has(streamId) === true;
  }
}
