import { posix } from 'node:path';
import { isNode, isRecord, nameOf, type Parsed, type SyntaxNode, walk } from './source.ts';

/** One import, re-export or dynamic import of a file. */
export interface Import {
  readonly line: number;
  /** A path from the repository's root for a relative import; the specifier itself for a package. */
  readonly target: string;
  readonly isRelative: boolean;
  /** `import './x.ts'`: taken for what it does, not for what it gives. */
  readonly isBare: boolean;
  /** What it asks for by name; '*' where it takes the whole, as a lazy import does. */
  readonly names: readonly string[];
}

/** All that a file imports, types included. */
export function importsOf(parsed: Parsed): Import[] {
  const found: Import[] = [];
  walk(parsed.statements, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const isRelative = specifier.startsWith('.');
    const names = namesOf(node);
    found.push({
      line: parsed.linesOf(node).first,
      target: isRelative ? posix.join(posix.dirname(parsed.file.path), specifier) : specifier,
      isRelative,
      isBare: names.length === 0,
      names,
    });
  });
  return found;
}

function namesOf({ specifiers }: SyntaxNode): string[] {
  if (!Array.isArray(specifiers)) return ['*'];
  return specifiers.filter(isRecord).map((one) => {
    if (one.type === 'ImportNamespaceSpecifier' || one.type === 'ExportNamespaceSpecifier') return '*';
    return nameOf(one.imported) ?? nameOf(one.orig) ?? nameOf(one.local) ?? '';
  });
}

function specifierOf(node: SyntaxNode): string | undefined {
  if (node.type === 'CallExpression' && isNode(node.callee, 'Import')) {
    const [first] = node.arguments as { expression: unknown }[];
    return literal(first?.expression);
  }
  if (node.type === 'TsImportType') return literal(node.argument);
  const declares = ['ImportDeclaration', 'ExportAllDeclaration', 'ExportNamedDeclaration'];
  return declares.includes(node.type) ? literal(node.source) : undefined;
}

const literal = (value: unknown): string | undefined =>
  isNode(value, 'StringLiteral') ? String(value.value) : undefined;
