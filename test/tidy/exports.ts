import { importsOf } from './imports.ts';
import { isRecord, nameOf, type Parsed, type SyntaxNode } from './source.ts';

/** Names every exported value, and every re-export, that no other file imports. Types may stand there for a signature. */
export function unusedExports(files: readonly Parsed[]): string[] {
  const imported = new Set(
    files.flatMap((parsed) =>
      importsOf(parsed).flatMap(({ target, names }) => names.map((name) => `${target} ${name}`)),
    ),
  );
  return files.flatMap((parsed) => {
    const { path } = parsed.file;
    if (imported.has(`${path} *`)) return [];
    return parsed.statements
      .flatMap(exportedNames)
      .filter((name) => !imported.has(`${path} ${name}`))
      .map((name) => `${path}: nobody imports ${name}`);
  });
}

function exportedNames(statement: SyntaxNode): string[] {
  if (statement.type === 'ExportDeclaration') return declaredNames(statement.declaration);
  if (statement.type !== 'ExportNamedDeclaration') return [];
  return records(statement.specifiers).map((one) => nameOf(one.exported) ?? nameOf(one.orig) ?? '');
}

const valueTypes = ['FunctionDeclaration', 'ClassDeclaration'];

function declaredNames(declaration: unknown): string[] {
  if (!isRecord(declaration)) return [];
  if (valueTypes.includes(String(declaration.type))) return [nameOf(declaration.identifier) ?? ''];
  return records(declaration.declarations).flatMap(({ id }) => nameOf(id) ?? []);
}

const records = (value: unknown) => (Array.isArray(value) ? value.filter(isRecord) : []);
