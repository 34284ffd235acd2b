import { posix } from 'node:path';
import { anchors, codeSpans, linkTargets, tableWithHeader } from './markdown.ts';
import type { SourceFile } from './source.ts';

/** Answers the text of a repository file, or undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

const folders = ['src', 'test', 'proto', 'gen', 'bench', 'deploy', 'docs', '.ci'];
const fileName = /^[\w.-]+\.(ts|tsx|js|mjs|md|json|yaml|yml|proto|sql|sh|css|html|service)$/;

/** Names every path in backticks that leads nowhere; a bare file name must exist somewhere. */
export function missingPaths(doc: SourceFile, files: readonly string[]): string[] {
  return codeSpans(doc.text)
    .map((span) => span.replace(/:\d+$/, ''))
    .filter((span) => isPath(span) && !isThere(span, files))
    .map((span) => `${doc.path}: \`${span}\` does not exist`);
}

function isPath(span: string): boolean {
  if (!/^[\w.*/-]+$/.test(span)) return false;
  const [top = '', ...rest] = span.split('/');
  return rest.length === 0 ? fileName.test(span) : folders.includes(top);
}

function isThere(span: string, files: readonly string[]): boolean {
  const pattern = span
    .replace(/\/$/, '')
    .replace(/[.]/g, '\\.')
    .replace(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
  const from = span.includes('/') ? '^' : '(^|/)';
  const matcher = new RegExp(`${from}${pattern}(/|$)`);
  return files.some((file) => matcher.test(file));
}

/** Names every TypeScript file that a comment speaks of, by its name or the end of its path, and that is not there. */
export function strayNames({ path, text }: SourceFile, files: readonly string[]): string[] {
  const comments = text.split('\n').flatMap((line) => /^\s*(?:\/\/|\/?\*)(.*)/.exec(line)?.[1] ?? []);
  return comments
    .flatMap((comment) => comment.match(/[\w./-]+\.tsx?\b/g) ?? [])
    .filter((name) => !files.some((file) => `/${file}`.endsWith(`/${name}`)))
    .map((name) => `${path}: a comment names ${name}, which does not exist`);
}

/** Names every relative link, and every anchor, that leads nowhere. */
export function brokenLinks(doc: SourceFile, files: readonly string[], read: ReadText): string[] {
  return linkTargets(doc.text).flatMap((link) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
    const [path = '', anchor = ''] = link.split('#');
    const target = path === '' ? doc.path : posix.join(posix.dirname(doc.path), path).replace(/\/$/, '');
    const exists = files.some((file) => file === target || file.startsWith(`${target}/`));
    if (!exists) return [`${doc.path}: the link ${link} leads nowhere`];
    const isKnown = anchor === '' || anchors(read(target) ?? '').includes(anchor);
    return isKnown ? [] : [`${doc.path}: the link ${link} names no heading`];
  });
}

/** The versions of package.json that the checks read. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Names every dependency that is not pinned exactly, or whose reason ARCHITECTURE.md does not give. */
export function unjustifiedDependencies(manifest: Manifest, architecture: string): string[] {
  const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return all.flatMap(([name, version]) => [
    ...(/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) ? [] : [`${name}: "${version}" is not one exact version`]),
    ...(hasReason(name, architecture) ? [] : [`${name}: ARCHITECTURE.md gives no reason for it`]),
  ]);
}

/** A line that names the package in backticks and says something besides such names. */
function hasReason(name: string, architecture: string): boolean {
  return architecture
    .split('\n')
    .filter((line) => line.includes(`\`${name}\``))
    .some((line) => /[a-z]{3,}/i.test(line.replace(/`[^`]*`/g, '')));
}

/** A row of the error table, as docs and code both have it. */
export interface ErrorRow {
  readonly kind: string;
  readonly id: string;
  readonly reason: string;
  readonly text: string;
}

/** The rows of the docs' table `| code | id | reason | text |`; an id of `—` or nothing is no id. */
export function documentedErrors(page: string): ErrorRow[] {
  const rows = tableWithHeader(page, ['code', 'id', 'reason', 'text']);
  if (rows === undefined) throw new Error('docs/errors.md has no table "| code | id | reason | text |"');
  return rows.map((row) => {
    const [kind = '', id = '', reason = '', text = ''] = row.map((cell) => cell.replace(/`/g, ''));
    return { kind, id: id === '—' || id === '-' || id === '†' ? '' : id, reason, text };
  });
}

/** One line for each row, sorted: what the two tables are compared by. */
export const errorLines = (rows: readonly ErrorRow[]): string[] =>
  rows.map(({ kind, id, reason, text }) => `| ${kind} | ${id || '—'} | ${reason} | ${text} |`).sort();
