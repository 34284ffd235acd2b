import type { Command } from './command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A script that completes commands, options and their choices in that shell; made of the table of commands. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'fish') return fish(commands);
  // zsh takes bash's functions.
  const before = shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : [];
  return lines([...before, ...bash(commands)]);
}

const lines = (text: readonly string[]): string => `${text.join('\n')}\n`;

function bash(commands: readonly Command[]): readonly string[] {
  return [
    '_latchkey() {',
    `  local current=\${COMP_WORDS[COMP_CWORD]} words= index choices=`,
    '  for ((index = 1; index < COMP_CWORD; index += 1)); do',
    `    words+="\${words:+ }\${COMP_WORDS[index]}"`,
    '  done',
    '  case "$words" in',
    ...commands.flatMap(choiceCases),
    ...commands.map((command) => bashCase(command.path, optionsOf(command))),
    ...groupsOf(commands).map(
      ([group, words]) => `    ${quoted(group)}) choices=${quoted(words.join(' '))} ;;`,
    ),
    '  esac',
    '  COMPREPLY=($(compgen -W "$choices" -- "$current"))',
    '}',
    'complete -o default -F _latchkey latchkey',
  ];
}

function choiceCases({ path, options }: Command): readonly string[] {
  return Object.entries(options).flatMap(([name, { choices }]) =>
    choices === undefined
      ? []
      : [
          `    ${quoted(`${path} `)}*--${name} | ${quoted(`${path} --${name}`)}) choices=${quoted(choices.join(' '))} ;;`,
        ],
  );
}

function bashCase(path: string, options: readonly string[]): string {
  return `    ${quoted(path)} | ${quoted(`${path} `)}*) choices=${quoted(options.join(' '))} ;;`;
}

const optionsOf = ({ options }: Command): readonly string[] =>
  Object.keys(options).map((name) => `--${name}`);

/** What may come next after so many words of a command: '' → the first words, `user` → the second ones. */
function groupsOf(commands: readonly Command[]): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, Set<string>>();
  for (const { path } of commands) {
    const words = path.split(' ');
    for (const [index, word] of words.entries()) {
      const group = words.slice(0, index).join(' ');
      groups.set(group, (groups.get(group) ?? new Set()).add(word));
    }
  }
  return [...groups].map(([group, words]) => [group, [...words]]);
}

// No word of the table has a quote in it but helps and summaries.
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const fishQuoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;

function fish(commands: readonly Command[]): string {
  const text = [
    'function __latchkey_is',
    '  set -l words (commandline -opc)[2..-1]',
    '  test "$words" = "$argv"; or string match -q -- "$argv -*" "$words"',
    'end',
    'complete -c latchkey -f',
  ];
  for (const [group, words] of groupsOf(commands)) {
    for (const word of words) {
      const path = `${group} ${word}`.trim();
      const summary = commands.find((command) => command.path === path)?.summary ?? `${word} …`;
      text.push(
        `complete -c latchkey -n ${fishQuoted(`__latchkey_is ${group}`.trim())} -a ${word} -d ${fishQuoted(summary)}`,
      );
    }
  }
  for (const { path, options } of commands) {
    for (const [name, { help, value, choices }] of Object.entries(options)) {
      const takes =
        value === undefined ? '' : choices === undefined ? ' -r' : ` -x -a ${fishQuoted(choices.join(' '))}`;
      text.push(
        `complete -c latchkey -n ${fishQuoted(`__latchkey_is ${path}`)} -l ${name}${takes} -d ${fishQuoted(help)}`,
      );
    }
  }
  return lines(text);
}
