import { readSource, repositoryFiles } from '../tidy/source.ts';

/** A page of the docs as it stands in the repository: `README.md`, `docs/errors.md`. */
export const page = (path: string): string => readSource(path).text;

/** Every page that a reader is sent to, but the record of what was. */
export const pages = (): string[] =>
  repositoryFiles().filter((path) => /^([A-Z]+\.md|docs\/.+\.md)$/.test(path) && path !== 'CHANGELOG.md');

/** The text below a `## heading`, up to the next one. Throws where there is no such heading. */
export function section(markdown: string, heading: string): string {
  const [, ...rest] = `\n${markdown}`.split(`\n## ${heading}\n`);
  const [text] = rest.join('').split('\n## ');
  if (rest.length === 0 || text === undefined) throw new Error(`no section "${heading}"`);
  return text;
}

/** What the fenced blocks of one language hold, in their order. */
export const blocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text = '']) => text);

/** The commands of the `sh` blocks: continued lines joined, comments on lines of their own left out. */
export const shellCommands = (markdown: string): string[] =>
  blocks(markdown, 'sh')
    .join('')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The words of a simple command: quotes taken off, a comment at the end left out, nothing expanded. */
export const shellWords = (command: string): string[] =>
  [...command.replace(/\s#.*$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
