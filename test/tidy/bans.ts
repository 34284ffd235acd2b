import { isNode, isRecord, nameOf, type Parsed, type SyntaxNode, walk } from './source.ts';

/** Names every construct that the style forbids, with its line. */
export function bannedSyntax(parsed: Parsed): string[] {
  const found: string[] = [];
  const note = (node: SyntaxNode, what: string): void => {
    found.push(`${parsed.file.path}:${parsed.linesOf(node).first}: ${what}`);
  };
  walk(parsed.statements, (node) => {
    const what = bannedNode(node);
    if (what !== undefined) note(node, what);
    if (holdsPeople.test(parsed.file.path) && isSpreadOfMany(node)) note(node, 'a list spread into Math');
    if (isEnvironment(node) && !mayReadEnvironment(parsed.file.path)) note(node, 'reads the environment');
  });
  if (isBarrel(parsed.statements)) found.push(`${parsed.file.path}: only re-exports (a barrel)`);
  if (!isConfiguration(parsed.file.path)) {
    for (const node of parsed.statements.filter(isDefaultExport)) note(node, 'default export');
  }
  return found;
}

function bannedNode(node: SyntaxNode): string | undefined {
  if (node.definite === true) return 'definite assignment "!"';
  switch (node.type) {
    case 'TsKeywordType':
      return node.kind === 'any' ? 'the type "any"' : undefined;
    case 'TsNonNullExpression':
      return 'non-null "!"';
    case 'TsEnumDeclaration':
      return 'enum';
    case 'TsModuleDeclaration':
      return node.global === true || isNode(node.id, 'StringLiteral') ? undefined : 'namespace';
    case 'TsParameterProperty':
      return 'parameter property';
    case 'CatchClause':
      return isEmptyBlock(node.body) ? 'empty catch' : undefined;
    case 'CallExpression':
      return isSwallow(node) ? 'empty catch callback' : undefined;
    default:
      return undefined;
  }
}

const isEmptyBlock = (value: unknown): boolean =>
  isNode(value, 'BlockStatement') && Array.isArray(value.stmts) && value.stmts.length === 0;

/** `promise.catch(() => {})`: an empty catch in another coat. */
function isSwallow(call: SyntaxNode): boolean {
  if (!isNode(call.callee, 'MemberExpression') || nameOf(call.callee.property) !== 'catch') return false;
  const [first] = Array.isArray(call.arguments) ? call.arguments : [];
  const callback: unknown = isRecord(first) ? first.expression : undefined;
  return isNode(callback) && isEmptyBlock(callback.body);
}

/** Rooms whose lists are as long as there are people: a call takes some hundred thousand arguments, then it throws. */
const holdsPeople = /^src\/(domain|store|queries|commands|sign-in|auth)\//;

function isSpreadOfMany({ type, callee, arguments: given }: SyntaxNode): boolean {
  if (type !== 'CallExpression' || !isNode(callee, 'MemberExpression') || nameOf(callee.object) !== 'Math')
    return false;
  return Array.isArray(given) && given.some((one) => isRecord(one) && isRecord(one.spread));
}

const configFile = 'src/app/config.ts';

/** Tests and benchmarks are told of the machine they run on by their environment; the source is not. */
const mayReadEnvironment = (path: string): boolean =>
  path === configFile || path.startsWith('test/') || path.startsWith('bench/');

function isEnvironment(node: SyntaxNode): boolean {
  if (node.type === 'MemberExpression') {
    return nameOf(node.object) === 'process' && nameOf(node.property) === 'env';
  }
  if (node.type !== 'ImportDeclaration' || !isRecord(node.source)) return false;
  const names = Array.isArray(node.specifiers) ? node.specifiers : [];
  return (
    node.source.value === 'node:process' &&
    names.some((name) => isRecord(name) && importedName(name) === 'env')
  );
}

const importedName = (name: Readonly<Record<string, unknown>>): string | undefined =>
  nameOf(name.imported) ?? nameOf(name.local);

/** A barrel brings nothing of its own: imports and re-exports, no declaration. */
function isBarrel(statements: readonly SyntaxNode[]): boolean {
  const passing = new Set(['ExportAllDeclaration', 'ExportNamedDeclaration', 'ImportDeclaration']);
  const exporting = statements.filter((node) => node.type.startsWith('Export'));
  return exporting.length > 0 && statements.every((node) => passing.has(node.type));
}

/** Tools such as Jest and Vite read the default export of their configuration. */
const isConfiguration = (path: string): boolean => /(^|\/)[\w-]+\.config\.[jt]s$/.test(path);

function isDefaultExport(node: SyntaxNode): boolean {
  if (node.type.startsWith('ExportDefault')) return true;
  const specifiers = node.type === 'ExportNamedDeclaration' ? node.specifiers : undefined;
  return (
    Array.isArray(specifiers) &&
    specifiers.some((one) => isRecord(one) && (nameOf(one.exported) ?? nameOf(one.orig)) === 'default')
  );
}

const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const nameless = ['utils', 'util', 'helpers', 'helper', 'common', 'misc'];

/** Names the path where a part of it is not kebab-case, or says nothing. */
export function bannedName(path: string): string[] {
  const parts = path.split('/');
  const odd = parts.filter((part) => !kebab.test(part));
  const empty = parts.filter((part) => nameless.includes(part.split('.')[0] ?? ''));
  return [
    ...odd.map((part) => `${path}: "${part}" is not kebab-case`),
    ...empty.map((part) => `${path}: "${part}" names nothing`),
  ];
}
