import type { OptionSpec } from './arguments.ts';
import { type Command, changeOptions, connectionOptions } from './command.ts';
import { exitCodeTexts } from './failure.ts';

/** What `latchkey help` prints. */
export function rootHelp(commands: readonly Command[]): string {
  return [
    'Latchkey locks and unlocks user accounts.',
    '',
    'Usage: latchkey COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commandLines(commands),
    '',
    'latchkey COMMAND --help tells its options, with examples.',
    'Commands ask the server at --url; with --db FILE they work on the database of this machine, with no server.',
    '',
    ...exitCodeLines(),
    '',
  ].join('\n');
}

/** What `latchkey user --help` prints. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  return [
    `Usage: latchkey ${group} COMMAND [OPTIONS]`,
    '',
    'Commands:',
    ...commandLines(commands),
    '',
    ...exitCodeLines(),
    '',
  ].join('\n');
}

/** What `latchkey user unlock --help` prints. */
export function commandHelp(command: Command): string {
  const { path, operands, summary, options, notes = [], examples } = command;
  const usage = ['latchkey', path, operands, '[OPTIONS]'].filter((part) => part !== '').join(' ');
  const isClient = 'url' in options;
  const isConnection = (name: string) => isClient && name in changeOptions;
  const own = Object.entries(options).filter(([name]) => !isConnection(name));
  const connection = Object.entries(options).filter(([name]) => isConnection(name));
  const sections = [
    [`Usage: ${usage}`],
    [summary, ...notes],
    ['Options:', ...optionLines(own)],
    connection.length === 0 ? [] : ['Where and as whom:', ...optionLines(connection)],
    // Neither login nor health asks as whoever is logged in.
    'token' in options ? precedence : [],
    ['Examples:', ...examples.map((example) => `  ${example}`)],
    exitCodeLines(),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

const precedence = [
  'An option wins over the environment; --url, --token, LATCHKEY_URL and LATCHKEY_TOKEN win over LATCHKEY_DB.',
  `Where nothing is said, the server and the token are those of latchkey login, else the server is ${connectionOptions.url.fallback}.`,
];

function optionLines(options: readonly (readonly [string, OptionSpec])[]): readonly string[] {
  const rows = options.map(([name, spec]) => [optionForm(name, spec), optionText(spec)] as const);
  return aligned(rows);
}

function optionForm(name: string, { value }: OptionSpec): string {
  if (name === 'help') return '-h, --help';
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function optionText({ help, choices, fallback }: OptionSpec): string {
  const taken = choices === undefined ? '' : ` (${choices.join(', ')})`;
  return `${help}${taken}${fallback === undefined ? '' : ` [default: ${fallback}]`}`;
}

const commandLines = (commands: readonly Command[]): readonly string[] =>
  aligned(commands.map(({ path, summary }) => [path, summary]));

const exitCodeLines = (): readonly string[] => ['Exit codes:', ...aligned(Object.entries(exitCodeTexts))];

function aligned(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}
