import { parseArgs } from 'node:util';
import { UsageError } from '../app/config.ts';

/** One option; help is made from it. */
export interface OptionSpec {
  /** What the value is called in the help; absent: a switch. */
  readonly value?: string;
  /** The only values taken. */
  readonly choices?: readonly string[];
  readonly help: string;
  /** The default, as the help shows it. */
  readonly fallback?: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A command line that has passed its specification. */
export interface Arguments {
  readonly operands: readonly string[];
  text(name: string): string | undefined;
  flag(name: string): boolean;
  /** A whole number of at most 15 digits. Throws UsageError. */
  count(name: string): number | undefined;
}

/** Throws UsageError, with the nearest option where one is misspelt. */
export function parseArguments(argv: readonly string[], specs: OptionSpecs): Arguments {
  const values = new Map<string, string | true>();
  const operands: string[] = [];
  for (const token of tokensOf(argv, specs)) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind === 'option') values.set(token.name, checkOption(token, specs));
  }
  const text = (name: string): string | undefined => {
    const value = values.get(name);
    return value === true ? undefined : value;
  };
  return {
    operands,
    text,
    flag: (name) => values.has(name),
    count: (name) => parseCount(name, text(name)),
  };
}

function tokensOf(argv: readonly string[], specs: OptionSpecs) {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  );
  // strict: false, because Node's own messages cannot say what was meant instead.
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkOption(token: OptionToken, specs: OptionSpecs): string | true {
  const { name, rawName, value } = token;
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (spec === undefined) {
    throw new UsageError(`unknown option ${rawName}${suggestion(name, Object.keys(specs), '--')}`);
  }
  if (spec.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return true;
  }
  if (value === undefined || (token.inlineValue !== true && /^-./.test(value))) {
    throw new UsageError(`${rawName} needs a value: ${rawName}=${spec.value}`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const wanted = spec.choices.join(', ');
    throw new UsageError(`${rawName} must be one of ${wanted}${suggestion(value, spec.choices)}`);
  }
  return value;
}

function parseCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

/** `; did you mean "--reason"?`, or nothing where no candidate is near. */
export function suggestion(word: string, candidates: readonly string[], prefix = ''): string {
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= 2 || (word.length > 1 && candidate.startsWith(word)))
    .sort((one, other) => one.distance - other.distance)[0];
  return near === undefined ? '' : `; did you mean "${prefix}${near.candidate}"?`;
}

/** Levenshtein, with a swap of neighbours counted once. */
function editDistance(from: string, to: string): number {
  let older: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (older[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    older = previous;
    previous = row;
  }
  return previous[to.length] ?? 0;
}
