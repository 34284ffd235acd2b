/**
 * The chance that a sample of the first kind is greater than one of the second: 0.5 where nobody tells them apart, 0 or 1
 * where everybody does.
 */
export function areaUnderCurve(first: readonly number[], second: readonly number[]): number {
  const samples = [
    ...first.map((value) => ({ value, isFirst: true })),
    ...second.map((value) => ({ value, isFirst: false })),
  ].sort((one, other) => one.value - other.value);
  let below = 0;
  let wins = 0;
  for (let at = 0; at < samples.length; ) {
    // Equal values win by half.
    let end = at;
    while (end < samples.length && samples[end]?.value === samples[at]?.value) end += 1;
    const group = samples.slice(at, end);
    const firsts = group.filter(({ isFirst }) => isFirst).length;
    wins += firsts * (below + (group.length - firsts) / 2);
    below += group.length - firsts;
    at = end;
  }
  return wins / (first.length * second.length);
}
