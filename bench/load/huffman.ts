/**
 * Code lengths of RFC 7541, appendix B, for the bytes 0 to 255 and EOS. The code is canonical (sorted by length, then by
 * symbol), so the lengths alone give every code.
 */
// biome-ignore format: sixteen to a row
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const endOfString = 256;
const tree = buildTree();

/** Decodes one Huffman string of `source`; `into` takes the bytes, the answer is how many they are. */
export function decodeHuffman(source: Buffer, range: { start: number; end: number }, into: Buffer): number {
  let length = 0;
  let node = 0;
  for (let at = range.start; at < range.end; at++) {
    const byte = source[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      const next = tree[node * 2 + ((byte >> bit) & 1)] ?? 0;
      if (next < 0) {
        if (-next - 1 === endOfString) throw new Error('EOS inside a Huffman string');
        into[length++] = -next - 1;
        node = 0;
      } else {
        node = next;
      }
    }
  }
  return length;
}

/** Two entries a node: where a 0 and a 1 lead; a leaf is −(symbol + 1). */
function buildTree(): Int32Array {
  const symbols = codeLengths.map((length, symbol) => ({ length, symbol }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  const nodes = new Int32Array(codeLengths.length * 2);
  let nodeCount = 1;
  let code = 0;
  let previousLength = symbols[0]?.length ?? 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - previousLength);
    previousLength = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const edge = node * 2 + ((code >>> bit) & 1);
      if (nodes[edge] === 0) nodes[edge] = nodeCount++;
      node = nodes[edge] ?? 0;
    }
    nodes[node * 2 + (code & 1)] = -(symbol + 1);
    code += 1;
  }
  if (code !== 2 ** previousLength)
    throw new Error('the Huffman code lengths are wrong: the code is not complete');
  return nodes;
}
