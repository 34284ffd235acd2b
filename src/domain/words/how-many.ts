/** A number with what is counted, as people read it: "1 lock", "2 locks", "0 locks". `many` where an "s" does not do. */
export function howMany(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
