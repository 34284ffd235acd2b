import type { SourceFile } from './source.ts';

/** Written in pieces, so that this file does not hold what it forbids. */
const join = (...parts: string[]): string => parts.join('');

const hosts = [
  join('registry.', 'npmjs', '.org'),
  join('registry.', 'yarnpkg', '.com'),
  join('py', 'pi', '.org'),
  join('python', 'hosted', '.org'),
  join('proxy.', 'golang', '.org'),
  join('sum.', 'golang', '.org'),
  join('repo.', 'maven', '.apache.org'),
  join('repo1.', 'maven', '.org'),
  join('artifact', 'ory'),
  join('deb.', 'debian', '.org'),
];

const machinePaths = [
  join('/wo', 'rk/'),
  join('/ro', 'ot/'),
  join('/ho', 'me/'),
  join('/tm', 'p/'),
  join('/fa', 'rm/'),
  join('/Use', 'rs/'),
];

const makers = [
  join('anth', 'ropic'),
  join('cla', 'ude'),
  join('open', 'ai'),
  join('chat', 'gpt'),
  join('copi', 'lot'),
  join('language ', 'model'),
  join('sub', 'agent'),
];

/** Texts that steer the work but are no part of the repository, so nothing may lean on them. */
const outsideTexts = ['shared', 'brief', 'style', 'design', 'contract', 'dependencies', 'security'].map(
  (name) => (name === 'shared' ? join('../', name) : join(name, '.md')),
);

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const patterns: readonly RegExp[] = [
  ...hosts.map((host) => new RegExp(literally(host), 'i')),
  ...machinePaths.map((path) => new RegExp(`(?<![\\w.$}*-])${literally(path)}`)),
  ...makers.map((name) => new RegExp(`\\b${literally(name)}`, 'i')),
  ...outsideTexts.map((name) => new RegExp(`(?<![\\w-])${literally(name)}`)),
  new RegExp(`\\b${join('A', 'I')}\\b`),
  new RegExp(`\\b${join('LL', 'M')}s?\\b`),
];

/** Names every line that speaks of a registry's host, of one machine's folders, or of how the text was made. */
export function bannedWords(file: SourceFile): string[] {
  return file.text.split('\n').flatMap((line, index) => {
    const hit = patterns.map((pattern) => pattern.exec(line)?.[0]).find((found) => found !== undefined);
    return hit === undefined ? [] : [`${file.path}:${index + 1}: says "${hit}"`];
  });
}
