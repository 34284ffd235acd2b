/**
 * How often a test does the same again: a few times for `npm test`, which is to be quick; many for test/long/run.sh.
 * TEST_LONG=0.3 is three tenths of that, but no less than a few: as often as there is time for at every change.
 */
export function repetitions({ few, many }: { readonly few: number; readonly many: number }): number {
  const part = Number(process.env.TEST_LONG ?? 0);
  if (part === 1) return many;
  return part > 0 ? Math.max(few, Math.ceil(many * part)) : few;
}
