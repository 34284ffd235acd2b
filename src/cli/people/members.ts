import { RowFault } from './person.ts';

/** A JSON object of another system: each member is what it is, or a fault. */
export interface Members {
  /** Empty is absent. Throws RowFault where it is no text. */
  text(...names: readonly string[]): string | undefined;
  flag(...names: readonly string[]): boolean | undefined;
  /** The object of that name; one without members where there is none. */
  inner(...names: readonly string[]): Members;
  /** The objects in the list of that name. */
  list(name: string): readonly Members[];
  /** The texts in the list of that name. */
  texts(name: string): readonly string[];
  has(name: string): boolean;
}

/** The members of the JSON object. Throws RowFault. */
export function parseMembers(text: string | undefined): Members {
  if (text === undefined) throw new RowFault('is longer than 256 KiB');
  try {
    return membersOf(JSON.parse(text));
  } catch (error) {
    if (error instanceof RowFault) throw error;
    throw new RowFault('is no JSON');
  }
}

function membersOf(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RowFault('is no JSON object');
  }
  const members = new Map<string, unknown>(Object.entries(value));
  const find = (names: readonly string[]) => {
    const name = names.find((one) => members.get(one) !== undefined && members.get(one) !== null);
    return { name, value: name === undefined ? undefined : members.get(name) };
  };
  return {
    text(...names) {
      const { name, value: found } = find(names);
      if (found === undefined || found === '') return undefined;
      if (typeof found === 'string') return found.trim() || undefined;
      if (typeof found === 'number') return String(found);
      throw new RowFault(`${name}: must be a text`);
    },
    flag(...names) {
      const { name, value: found } = find(names);
      if (found === undefined || typeof found === 'boolean') return found;
      throw new RowFault(`${name}: must be true or false`);
    },
    inner(...names) {
      const { name, value: found } = find(names);
      if (found === undefined) return membersOf({});
      if (typeof found === 'object') return membersOf(found);
      throw new RowFault(`${name}: must be an object`);
    },
    list(name) {
      const found = members.get(name) ?? [];
      if (!Array.isArray(found)) throw new RowFault(`${name}: must be a list`);
      return found.map(membersOf);
    },
    texts(name) {
      const found = members.get(name) ?? [];
      const isTexts = Array.isArray(found) && found.every((one) => typeof one === 'string');
      if (!isTexts) throw new RowFault(`${name}: must be a list of texts`);
      return found;
    },
    has: (name) => members.has(name),
  };
}
