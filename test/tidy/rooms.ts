import { type Import, importsOf } from './imports.ts';
import { tableWithHeader } from './markdown.ts';
import { isNode, nameOf, type Parsed, type SyntaxNode, walk } from './source.ts';

/** What each room may import: rooms, `gen/…` folders, single files; `undefined` where it may import anything. */
export type RoomTable = ReadonlyMap<string, ReadonlySet<string> | undefined>;

const storeInterface = 'src/store/store.ts';
const opsInterface = 'src/ops/measures.ts';

/** Reads the table of ARCHITECTURE.md; throws on a cell that it cannot read, so that no rule is lost silently. */
export function parseRoomTable(markdown: string): RoomTable {
  const rows = tableWithHeader(markdown, ['room', 'may import']);
  if (rows === undefined) throw new Error('ARCHITECTURE.md has no table "| room | may import |"');
  const names = rows.flatMap(([rooms = '']) => list(rooms));
  const table = new Map<string, ReadonlySet<string> | undefined>();
  for (const [rooms = '', cell = ''] of rows) {
    for (const room of list(rooms)) table.set(room, parseCell(cell, names));
  }
  return table;
}

function parseCell(cell: string, rooms: readonly string[]): ReadonlySet<string> | undefined {
  const items = list(cell);
  if (items[0] === 'anything') return undefined;
  if (items[0] === 'nothing') return new Set();
  return new Set(
    items.map((item) => {
      if (/^store['’]s interface file$/.test(item)) return storeInterface;
      if (/^ops['’]s interface file$/.test(item)) return opsInterface;
      if (rooms.includes(item) || /^gen\/[\w-]+$/.test(item)) return item;
      throw new Error(`ARCHITECTURE.md: "${item}" in the table of imports is no room`);
    }),
  );
}

/** `a, b (why); more words` → a, b. */
const list = (cell: string): string[] =>
  cell
    .replace(/\([^)]*\)|`/g, '')
    .replace(/;.*$/, '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** The room of a path: `src/store/x.ts` is in store, `src/app/app.ts` is a room by itself, gen/es/… is `gen/es`. */
function roomOf(path: string): string | undefined {
  const [top, first, ...rest] = path.split('/');
  if (first === undefined) return undefined;
  if (top === 'gen') return `gen/${first}`;
  if (top !== 'src') return undefined;
  return rest.length > 0 ? first : first.replace(/\.[jt]sx?$/, '');
}

/** Names every import of a file in src/ that the table does not allow. */
export function forbiddenImports(parsed: Parsed, table: RoomTable): string[] {
  const room = roomOf(parsed.file.path) ?? '';
  const isFolder = parsed.file.path.split('/').length > 2;
  if (isFolder && !table.has(room)) return [`${parsed.file.path}: the room "${room}" is not in the table`];
  const allowed = table.has(room) ? table.get(room) : new Set<string>();
  return importsOf(parsed).flatMap((one) => {
    const why = refusal({ one, room, allowed });
    return why === undefined
      ? []
      : [`${parsed.file.path}:${one.line}: ${room} may not import ${one.target}${why}`];
  });
}

interface Question {
  readonly one: Import;
  readonly room: string;
  readonly allowed: ReadonlySet<string> | undefined;
}

function refusal({ one, room, allowed }: Question): string | undefined {
  if (one.isBare && !one.target.endsWith('.css')) return ' for its side effect';
  if (!one.isRelative) return packageRefusal({ one, room, allowed });
  const target = roomOf(one.target);
  if (target === room || allowed === undefined) return undefined;
  const isAllowed = allowed.has(one.target) || (target !== undefined && allowed.has(target));
  return isAllowed ? undefined : '';
}

const wire = /^(@bufbuild|@connectrpc|@grpc)\//;
const http = /^node:(http|https|http2)$/;
const database = /^(node:sqlite|pg|pg-[\w-]+)(\/|$)/;
const lowRooms = ['domain', 'store', 'auth', 'commands', 'queries'];

function packageRefusal({ one, room, allowed }: Question): string | undefined {
  if (room === 'domain') return ' (it imports nothing)';
  if (database.test(one.target) && room !== 'store') return ' (only store talks to a database)';
  if (http.test(one.target) && lowRooms.includes(room)) return ' (nothing below rpc has heard of HTTP)';
  const knowsMessages = allowed === undefined || [...allowed].some((item) => item.startsWith('gen/'));
  return wire.test(one.target) && !knowsMessages ? ' (only a room with gen/ knows messages)' : undefined;
}

/** Every circle of rooms that import one another, as `a → b → a`. */
export function roomCycles(files: readonly Parsed[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const parsed of files) {
    const from = roomOf(parsed.file.path) ?? '';
    for (const one of importsOf(parsed)) {
      const to = one.isRelative ? roomOf(one.target) : undefined;
      if (to !== undefined && to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const cycles = [...edges.keys()].sort().flatMap((start) => pathBack(start, edges));
  return cycles.map((cycle) => cycle.join(' → '));
}

function pathBack(start: string, edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const seen = new Set<string>();
  const open: string[][] = [[start]];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const next of edges.get(path.at(-1) ?? '') ?? []) {
      if (next === start) return [[...path, next]];
      if (!seen.has(next)) open.push([...path, next]);
      seen.add(next);
    }
  }
  return [];
}

/** Names what a file knows that its room must not: SQL above the store, HTTP below the desk, time in the domain. */
export function forbiddenKnowledge(parsed: Parsed): string[] {
  const room = roomOf(parsed.file.path) ?? '';
  const found: string[] = [];
  walk(parsed.statements, (node) => {
    const what =
      (room === 'store' ? undefined : sql(node)) ??
      (lowRooms.includes(room) ? httpWord(node) : undefined) ??
      (room === 'domain' ? impurity(node) : undefined);
    if (what !== undefined) found.push(`${parsed.file.path}:${parsed.linesOf(node).first}: ${what}`);
  });
  return found;
}

const sqlText =
  /^\s*(select\s[\s\S]+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s+\w+(\s+where|\s*;?\s*$)|create\s+(table|index)\s|pragma\s+\w+|begin\s+immediate)/i;

function sql(node: SyntaxNode): string | undefined {
  const text = node.type === 'StringLiteral' ? node.value : node.type === 'TemplateElement' ? node.raw : '';
  return sqlText.test(String(text)) ? 'SQL outside the store' : undefined;
}

const httpNames = ['Headers', 'Request', 'Response', 'statusCode', 'httpStatus'];
const httpNumbers = [401, 403, 404, 405, 409, 415, 429, 501, 502, 503, 504];

function httpWord(node: SyntaxNode): string | undefined {
  const name = nameOf(node);
  if (name !== undefined && httpNames.includes(name)) return `"${name}" below rpc`;
  const isStatus = node.type === 'NumericLiteral' && httpNumbers.includes(Number(node.value));
  return isStatus ? `the HTTP status ${String(node.value)} below rpc` : undefined;
}

const clocks = new Set(['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID', 'process.hrtime']);

function impurity(node: SyntaxNode): string | undefined {
  if (node.async === true || node.type === 'AwaitExpression') return 'the domain waits for nothing';
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date') {
    const given = Array.isArray(node.arguments) ? node.arguments.length : 0;
    return given === 0 ? 'the domain has no clock' : undefined;
  }
  if (!isNode(node, 'MemberExpression')) return undefined;
  const called = `${nameOf(node.object)}.${nameOf(node.property)}`;
  return clocks.has(called) ? `the domain has no ${called}` : undefined;
}
