import { hash, randomBytes } from 'node:crypto';

/** Texts that were seen, and where first: about 30 bytes for each, whatever its length. */
export interface Seen {
  /** The first of the texts that an earlier line has; where there is none, all of them are this line's from now on. */
  meet(texts: readonly string[], line: number): Met | undefined;
}

/** Which of the texts, and which line had it first. */
export interface Met {
  readonly at: number;
  readonly line: number;
}

const sizeFirst = 1 << 12;
/** Of four: three quarters of the places at most are taken, so that a look-up ends soon. */
const takenOfFourMax = 3;
const wordsPerPlace = 4;

/**
 * A table of 96 bits of a keyed digest, and the line: among thirty million texts two that differ are taken for one
 * another once in 10^14 files, and no file can be written so that they are.
 */
export function createSeen(): Seen {
  const key = randomBytes(16).toString('hex');
  let places = new Uint32Array(sizeFirst * wordsPerPlace);
  let count = 0;
  const add = (digest: Digest, line: number): void => {
    if (count * 4 >= (places.length / wordsPerPlace) * takenOfFourMax) places = grown(places);
    const at = placeOf(places, digest);
    if (places[at + 3] !== 0) return;
    places.set([...digest, line], at);
    count += 1;
  };
  return {
    meet(texts, line) {
      const digests = texts.map((text) => digestOf(key, text));
      for (const [at, digest] of digests.entries()) {
        const first = places[placeOf(places, digest) + 3] ?? 0;
        if (first !== 0) return { at, line: first };
      }
      for (const digest of digests) add(digest, line);
      return undefined;
    },
  };
}

type Digest = readonly [number, number, number];

function digestOf(key: string, text: string): Digest {
  const bytes = hash('sha256', key + text, 'buffer');
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
}

/** Where the digest is, or would be. Lines begin at 1: a place without one is free. */
function placeOf(places: Uint32Array, [first, second, third]: Digest): number {
  const size = places.length / wordsPerPlace;
  for (let step = 0; step < size; step += 1) {
    const at = ((first + step) % size) * wordsPerPlace;
    const isFree = places[at + 3] === 0;
    if (isFree || (places[at] === first && places[at + 1] === second && places[at + 2] === third)) return at;
  }
  throw new Error('bug: no place is free');
}

function grown(places: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(places.length * 2);
  for (let at = 0; at < places.length; at += wordsPerPlace) {
    const [first = 0, second = 0, third = 0, line = 0] = places.subarray(at, at + wordsPerPlace);
    if (line !== 0) larger.set([first, second, third, line], placeOf(larger, [first, second, third]));
  }
  return larger;
}
