/** `; did you mean "--reason"?`, or nothing where no candidate is near. */
export function suggestion(word: string, candidates: readonly string[], prefix = ''): string {
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= 2 || (word.length > 1 && candidate.startsWith(word)))
    .sort((one, other) => one.distance - other.distance)[0];
  return near === undefined ? '' : `; did you mean "${prefix}${near.candidate}"?`;
}

/** Levenshtein, with a swap of neighbours counted once. */
function editDistance(from: string, to: string): number {
  let older: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (older[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    older = previous;
    previous = row;
  }
  return previous[to.length] ?? 0;
}
