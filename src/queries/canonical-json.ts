/**
 * One text for one value: members in the order of their names, no space. Two databases that hold the same say the same,
 * byte for byte. Takes what JSON.parse answers.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(inOrder(value));
}

function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const names = Object.keys(value);
  // Without a prototype, so that a member of any name is one like the others.
  const sorted: Record<string, unknown> = Object.create(null);
  for (const name of isSorted(names) ? names : names.sort()) {
    sorted[name] = inOrder((value as Record<string, unknown>)[name]);
  }
  return sorted;
}

function isSorted(names: readonly string[]): boolean {
  for (let index = 1; index < names.length; index += 1) {
    if ((names[index - 1] ?? '') > (names[index] ?? '')) return false;
  }
  return true;
}
