import type { ArchivePage } from '../store.ts';

/**
 * Values of erasures for the erased users of a page that was taken in: an archive may have been made while an erasure was
 * under way, so whoever reads it in finishes every one that it tells of.
 */
export function erasuresIn({ kind, rows }: ArchivePage): readonly (readonly [string, number])[] {
  if (kind !== 'event') return [];
  return rows
    .filter(({ type }) => type === 'user.erased')
    .map(({ userId, createdAt }) => [userId as string, createdAt as number]);
}
