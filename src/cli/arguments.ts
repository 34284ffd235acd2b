import { parseArgs } from 'node:util';
import { suggestion } from '../app/suggestion.ts';
import { UsageError } from '../app/usage.ts';

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
  /** A whole number of at most 15 digits, and at least `least` (0). Throws UsageError. */
  count(name: string, least?: number): number | undefined;
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
    count: (name, least = 0) => parseCount(name, text(name), least),
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
    throw new UsageError(
      `unknown option ${rawName}${suggestion(name, Object.keys(specs), '--')} (--help lists all)`,
    );
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

function parseCount(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}"`);
  if (Number(text) < least) throw new UsageError(`--${name} must be ${least} or more, not ${text}`);
  return Number(text);
}
