/** How often a test does the same again: a few times for `npm test`, which is to be quick; many for test/long/run.sh. */
export function repetitions({ few, many }: { readonly few: number; readonly many: number }): number {
  return process.env.TEST_LONG === '1' ? many : few;
}
