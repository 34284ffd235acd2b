import { posix } from 'node:path';
import { isNode, type Parsed, walk } from './source.ts';

/** One import, re-export or dynamic import of a file. */
export interface Import {
  readonly line: number;
  /** A path from the repository's root for a relative import; the specifier itself for a package. */
  readonly target: string;
  readonly isRelative: boolean;
  /** `import './x.ts'`: taken for what it does, not for what it gives. */
  readonly isBare: boolean;
}

/** All that a file imports, types included. */
export function importsOf(parsed: Parsed): Import[] {
  const found: Import[] = [];
  walk(parsed.statements, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const isRelative = specifier.startsWith('.');
    found.push({
      line: parsed.linesOf(node).first,
      target: isRelative ? posix.join(posix.dirname(parsed.file.path), specifier) : specifier,
      isRelative,
      isBare:
        node.type === 'ImportDeclaration' && Array.isArray(node.specifiers) && node.specifiers.length === 0,
    });
  });
  return found;
}

function specifierOf(node: Parsed['statements'][number]): string | undefined {
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
