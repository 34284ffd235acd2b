import { ConnectionError, errorCode } from '../frame.ts';

/**
 * How many bits each byte's code has, and EOS's at the end (RFC 7541, appendix B). Codes of one length follow one another
 * in the order of their bytes, and longer ones come after shorter, so the lengths tell the codes.
 */
// biome-ignore format: sixteen to a row
const codeBits = [
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

// A state is an inner node of the code's tree. Four bits of input lead from one to the next, and at most one byte comes
// out on the way, since no code is shorter than five bits.
const nextMask = 0xff;
const byteShift = 8;
const emits = 0x1_0000;
const fails = 0x2_0000;
const endOfString = 256;

const children = buildTree();
const steps = buildSteps();
const mayEnd = buildEnds();

let room = Buffer.allocUnsafeSlow(4_096);

/** The text of a Huffman-coded string. Throws ConnectionError on what is no such code. */
export function decodeHuffman(from: Buffer, start: number, end: number): string {
  // Five bits a byte at least.
  const bytesMax = Math.ceil(((end - start) * 8) / 5);
  if (room.length < bytesMax) room = Buffer.allocUnsafeSlow(bytesMax * 2);
  const to = room;
  let length = 0;
  let state = 0;
  let seen = 0;
  for (let at = start; at < end; at++) {
    const byte = from[at] ?? 0;
    let step = steps[(state << 4) | (byte >> 4)] ?? fails;
    seen |= step;
    if ((step & emits) !== 0) to[length++] = step >> byteShift;
    step = steps[((step & nextMask) << 4) | (byte & 0xf)] ?? fails;
    seen |= step;
    if ((step & emits) !== 0) to[length++] = step >> byteShift;
    state = step & nextMask;
  }
  if ((seen & fails) !== 0 || mayEnd[state] === 0) {
    throw new ConnectionError(errorCode.compressionError, 'a broken Huffman code');
  }
  return to.toString('latin1', 0, length);
}

/** Two places a node: where a 0 and a 1 lead, a node's number or −(byte + 1). */
function buildTree(): Int32Array {
  const nodes = new Int32Array(512);
  let nodeCount = 1;
  let code = 0;
  for (let bits = 5; bits <= 30; bits++) {
    for (let symbol = 0; symbol <= endOfString; symbol++) {
      if (codeBits[symbol] !== bits) continue;
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const edge = node * 2 + ((code >>> bit) & 1);
        if (nodes[edge] === 0) nodes[edge] = nodeCount++;
        node = nodes[edge] ?? 0;
      }
      nodes[node * 2 + (code & 1)] = -(symbol + 1);
      code++;
    }
    code *= 2;
  }
  return nodes;
}

function buildSteps(): Int32Array {
  const table = new Int32Array(256 * 16);
  for (let state = 0; state < 256; state++) {
    for (let bits = 0; bits < 16; bits++) table[state * 16 + bits] = stepFrom(state, bits);
  }
  return table;
}

function stepFrom(state: number, bits: number): number {
  let node = state;
  let out = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node * 2 + ((bits >> bit) & 1)] ?? 0;
    // RFC 7541 §5.2: EOS within a string is an error.
    if (next === -(endOfString + 1)) return fails;
    if (next < 0) out = emits | ((-next - 1) << byteShift);
    node = next < 0 ? 0 : next;
  }
  return out | node;
}

// RFC 7541 §5.2: what is left at the end is less than a byte, and the first bits of EOS: ones.
function buildEnds(): Uint8Array {
  const ends = new Uint8Array(256);
  let node = 0;
  for (let bits = 0; bits <= 7; bits++) {
    ends[node] = 1;
    node = children[node * 2 + 1] ?? 0;
  }
  return ends;
}
