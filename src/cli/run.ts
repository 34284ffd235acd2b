import { hideSecrets } from '../app/hide-secrets.ts';
import { suggestion } from '../app/suggestion.ts';
import { UsageError } from '../app/usage.ts';
import { visibleLines } from '../domain/visible.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import type { Backend } from './backend.ts';
import type { Command, CommandContext, Terminal } from './command.ts';
import { commands } from './commands.ts';
import { type ExitCode, exitCodes, type Failure, toFailure } from './failure.ts';
import { commandHelp, groupHelp, rootHelp } from './help.ts';
import { withHint } from './hint.ts';
import { createOutput, jsonLine, OutputClosed, write } from './output.ts';

/** Runs one command line; never throws. Answers go to output, failures to errors. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  // Without a listener a closed pipe would end the process with a stack; write() reports it where it happens.
  const ignore = () => undefined;
  for (const stream of [terminal.output, terminal.errors]) stream.on('error', ignore);
  try {
    await dispatch(argv, terminal);
    return 0;
  } catch (error) {
    return error instanceof OutputClosed ? 0 : await fail(argv, terminal, toFailure(error));
  } finally {
    for (const stream of [terminal.output, terminal.errors]) stream.off('error', ignore);
  }
}

async function fail(argv: readonly string[], terminal: Terminal, failure: Failure): Promise<ExitCode> {
  const isJson = argv.includes('--json');
  const message = hideSecrets(failure.message);
  const text = visibleLines(message);
  const line = isJson ? jsonLine({ error: { ...failure, message } }) : `latchkey: ${text}\n`;
  // Where nobody reads stderr, the exit code has to do.
  await write(terminal.errors, line).catch(() => undefined);
  return exitCodes[failure.code];
}

const helpWords = ['--help', '-h', 'help'];
const versionWords: Readonly<Record<string, string>> = { '--version': 'version', '-v': 'version' };

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<void> {
  const [first, ...rest] = argv;
  if (first === undefined) throw new UsageError(`no command\n\n${rootHelp(commands)}`);
  if (helpWords.includes(first)) return showHelp(rest, terminal);
  const words = [versionWords[first] ?? first, ...rest];
  const command = commands.find(({ path }) => isPrefix(path.split(' '), words));
  if (command === undefined) {
    const before = leadingWords(argv);
    if (asksHelp(argv)) return showHelp(before, terminal);
    throw unknownCommand(before.length === 0 ? argv.slice(0, 1) : before);
  }
  const operands = words.slice(command.path.split(' ').length);
  if (asksHelp(operands)) return write(terminal.output, commandHelp(command));
  await run(command, checkOperands(command, parseArguments(operands, command.options)), terminal);
}

function leadingWords(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return end === -1 ? argv : argv.slice(0, end);
}

const isPrefix = (path: readonly string[], words: readonly string[]): boolean =>
  path.every((part, at) => part === words[at]);

function asksHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).some((word) => word === '--help' || word === '-h');
}

function checkOperands(command: Command, args: Arguments): Arguments {
  const surplus = args.operands[command.operandsMax];
  if (surplus === undefined) return args;
  throw new UsageError(
    `${command.readsSecret ? 'the last word' : `"${surplus}"`} is one too many; usage: latchkey ${command.path} ${command.operands}`.trimEnd(),
  );
}

async function showHelp(words: readonly string[], terminal: Terminal): Promise<void> {
  const typed = words.filter((word) => !word.startsWith('-'));
  if (typed.length === 0) return write(terminal.output, rootHelp(commands));
  const command = commands.find(({ path }) => isPrefix(path.split(' '), typed));
  if (command !== undefined) return write(terminal.output, commandHelp(command));
  const group = typed.join(' ');
  const members = commands.filter(({ path }) => path.startsWith(`${group} `));
  if (members.length === 0) throw unknownCommand(typed);
  await write(terminal.output, groupHelp(group, members));
}

function unknownCommand(words: readonly string[]): UsageError {
  const [group, member] = groupAndMember(words);
  const members = commands.filter(({ path }) => path.startsWith(`${group} `));
  if (members.length > 0 && member === undefined) {
    const names = members.map(({ path }) => path.slice(group.length + 1)).join(', ');
    return new UsageError(`"${group}" needs one of: ${names}`);
  }
  const typed = members.length > 0 ? `${group} ${member}` : group;
  const known = commands.flatMap(({ path }) =>
    members.length > 0 ? [path] : [path, path.split(' ')[0] ?? ''],
  );
  return new UsageError(`unknown command "${typed}"${suggestion(typed, known)} (latchkey help lists all)`);
}

/** What begins several commands, "user metadata", and the word behind it. */
function groupAndMember(words: readonly string[]): readonly [group: string, member: string | undefined] {
  const [one = '', two, three] = words;
  const nested = `${one} ${two}`;
  return commands.some(({ path }) => path.startsWith(`${nested} `)) ? [nested, three] : [one, two];
}

async function run(command: Command, args: Arguments, terminal: Terminal): Promise<void> {
  await using resources = new AsyncDisposableStack();
  let opened: Promise<Backend> | undefined;
  const open = async (): Promise<Backend> => {
    const { openBackend } = await import('./target.ts');
    return resources.use(await openBackend(args));
  };
  const context: CommandContext = {
    args,
    terminal,
    output: createOutput({ stdout: terminal.output, stderr: terminal.errors, isJson: args.flag('json') }),
    backend: () => {
      opened ??= open();
      return opened;
    },
  };
  try {
    await command.run(context);
  } catch (error) {
    throw error instanceof OutputClosed ? error : withHint(error, command, args);
  }
}
