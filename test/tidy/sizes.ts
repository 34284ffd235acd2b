import { isNode, isRecord, nameOf, type Parsed, type SourceFile, type SyntaxNode, walk } from './source.ts';

const fileLinesMax = 300;
const functionLinesMax = 60;
const parametersMax = 4;

/** Names the file where it is longer than a reader's patience. */
export function longFile(file: SourceFile): string[] {
  const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
  return lines > fileLinesMax ? [`${file.path}: ${lines} lines, at most ${fileLinesMax}`] : [];
}

/** Names every function that is too long or takes too much; the callback of a `describe` may be long. */
export function largeFunctions(parsed: Parsed): string[] {
  const found: string[] = [];
  walk(parsed.statements, (node, around) => {
    const parameters = parametersOf(node);
    if (parameters === undefined) return;
    const { first, last } = parsed.linesOf(node);
    const at = `${parsed.file.path}:${first}`;
    const lines = last - first + 1;
    if (lines > functionLinesMax && !isDescribeCallback(around)) {
      found.push(`${at}: a function of ${lines} lines, at most ${functionLinesMax}`);
    }
    if (parameters.length > parametersMax) {
      found.push(`${at}: a function of ${parameters.length} parameters, at most ${parametersMax}`);
    }
  });
  return found;
}

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'Constructor',
  'MethodProperty',
  'ClassMethod',
  'PrivateMethod',
]);

function parametersOf(node: SyntaxNode): unknown[] | undefined {
  if (!functionTypes.has(node.type)) return undefined;
  const inner = isRecord(node.function) ? node.function : node;
  const params = Array.isArray(inner.params) ? inner.params : [];
  return params.filter((parameter) => nameOf(isNode(parameter, 'Parameter') ? parameter.pat : 0) !== 'this');
}

function isDescribeCallback(around: readonly SyntaxNode[]): boolean {
  const call = around.at(-1);
  return call?.type === 'CallExpression' && calleeName(call.callee) === 'describe';
}

/** `describe`, `describe.skip`, `describe.each(table)`: all of them are `describe`. */
function calleeName(callee: unknown): string | undefined {
  if (isNode(callee, 'MemberExpression')) return calleeName(callee.object);
  if (isNode(callee, 'CallExpression')) return calleeName(callee.callee);
  return nameOf(callee);
}
