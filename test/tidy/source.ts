import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

/** A file of the repository; `path` is relative to its root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A node of the syntax tree, read without the parser's own types: the rules look at a few fields only. */
export interface SyntaxNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A parsed file: its statements, and where in the text a node stands. */
export interface Parsed {
  readonly file: SourceFile;
  readonly statements: readonly SyntaxNode[];
  /** The first and last line of a node, counted from 1. */
  linesOf(node: SyntaxNode): { readonly first: number; readonly last: number };
}

/** The root folder of the repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Every file that git tracks or would track, existing now, sorted. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  const paths = new Set(listed.split('\0').filter((path) => path !== ''));
  return [...paths].filter((path) => existsSync(join(root, path))).sort();
}

/** The file at `path`, or an error that says which one is missing. */
export function readSource(path: string): SourceFile {
  const absolute = join(root, path);
  if (!existsSync(absolute)) throw new Error(`${path} is missing`);
  return { path, text: readFileSync(absolute, 'utf8') };
}

const lead = '0;';

/** Parses TypeScript or JavaScript. */
export function parseSource(file: SourceFile): Parsed {
  // swc counts bytes from the first token on, and goes on counting from file to file: a token of ours in front
  // of everything tells where this file begins.
  const bytes = Buffer.from(lead + file.text.replace(/^#!/, '//'));
  const module = parseModule(file.path, bytes.toString());
  const start = module.span.start;
  const lineAt = (offset: number): number =>
    bytes
      .subarray(0, offset - start)
      .toString()
      .split('\n').length;
  return {
    file,
    statements: (module.body as unknown as SyntaxNode[]).slice(1),
    linesOf(node) {
      const span = spanOf(node);
      return { first: lineAt(span.start), last: lineAt(span.end) };
    },
  };
}

function parseModule(path: string, text: string): ReturnType<typeof parseSync> {
  try {
    return parseSync(text, { syntax: 'typescript', tsx: path.endsWith('x'), target: 'es2024' });
  } catch (error) {
    throw new Error(`${path} does not parse`, { cause: error });
  }
}

function spanOf(node: SyntaxNode): { start: number; end: number } {
  const span = node.span as { start: number; end: number } | undefined;
  if (span === undefined) throw new Error(`no span on ${node.type}`);
  return span;
}

/** Calls `visit` for every node, outermost first, with the nodes around it (nearest last). */
export function walk(
  value: unknown,
  visit: (node: SyntaxNode, around: readonly SyntaxNode[]) => void,
  around: readonly SyntaxNode[] = [],
): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit, around);
  } else if (isRecord(value)) {
    const inner = isNode(value) ? [...around, value] : around;
    if (isNode(value)) visit(value, around);
    for (const child of Object.values(value)) walk(child, visit, inner);
  }
}

/** Whether a value of unknown shape is an object whose fields can be asked for. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Whether a value is a node of the given type, or of any type where none is given. */
export function isNode(value: unknown, type?: string): value is SyntaxNode {
  return isRecord(value) && typeof value.type === 'string' && (type === undefined || value.type === type);
}

/** The name of an identifier node, or undefined for every other value. */
export function nameOf(value: unknown): string | undefined {
  return isNode(value, 'Identifier') ? String(value.value) : undefined;
}
