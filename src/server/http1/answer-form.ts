/** Up to so many bytes an answer is written as a string: with the headers before it, at once. Node writes bytes in a call of their own. */
export const oneWriteBytesMax: number = 8_192;

/** Bytes as the string of as many characters that Node writes as them. */
export const asLatin1 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1');

/** Names and values in turn, as pairs. */
export function pairsOf(flat: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return pairs;
}
