import { posix } from 'node:path';
import { importsOf } from './imports.ts';
import { tableWithHeader } from './markdown.ts';
import type { Parsed } from './source.ts';

const filesMax = 28;
const prefixFilesMax = 2;

/** Names every folder that holds more files than one can look over; folders within it do not count. */
export function crowdedFolders(paths: readonly string[]): string[] {
  return [...byFolder(paths)]
    .filter(([, names]) => names.length > filesMax)
    .map(([folder, names]) => `${folder}/: ${names.length} files, at most ${filesMax}`);
}

/** Names every first word that three files of a folder share: it is a folder that was not made. */
export function sharedPrefixes(paths: readonly string[]): string[] {
  return [...byFolder(paths)].flatMap(([folder, names]) => {
    const stems = new Set(names.map((name) => name.split('.')[0] ?? ''));
    const byWord = Map.groupBy(stems, (stem) => stem.split('-')[0] ?? '');
    return [...byWord]
      .filter(([word, sharing]) => word !== '' && sharing.length > prefixFilesMax)
      .map(([word, sharing]) => `${folder}/: ${sharing.sort().join(', ')} share "${word}"`);
  });
}

const byFolder = (paths: readonly string[]): ReadonlyMap<string, string[]> =>
  new Map(
    [...Map.groupBy(paths, (path) => posix.dirname(path))].map(([folder, inside]) => [
      folder,
      inside.map((path) => posix.basename(path)),
    ]),
  );

/** Every knot of files that import one another, types included, each with its imports that tie it. */
export function fileCircles(files: readonly Parsed[]): string[] {
  const edges = new Map<string, readonly string[]>(
    files.map((parsed) => [
      parsed.file.path,
      importsOf(parsed).flatMap(({ isRelative, target }) => (isRelative ? [target] : [])),
    ]),
  );
  const reach = new Map([...edges.keys()].map((path) => [path, reachedFrom(path, edges)]));
  const isTied = (a: string, b: string): boolean =>
    reach.get(a)?.has(b) === true && reach.get(b)?.has(a) === true;
  return [...edges].flatMap(([from, targets]) =>
    targets
      .filter((target) => isTied(from, target))
      .map((target) => `${from} → ${target} is part of a circle`),
  );
}

function reachedFrom(start: string, edges: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [start];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const next of edges.get(path) ?? []) {
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return seen;
}

/** Room → its folders and files, each with its floor; what stands beside another on one floor may not import it. */
export type FolderOrder = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Reads the table of ARCHITECTURE.md: `a → b, c` is a above, b and c beside each other below. */
export function parseFolderOrder(markdown: string): FolderOrder {
  const rows = tableWithHeader(markdown, ['inside', 'from the top down']);
  if (rows === undefined) throw new Error('ARCHITECTURE.md has no table "| inside | from the top down |"');
  return new Map(
    rows.map(([room = '', cell = '']) => {
      const floors = cell.replaceAll('`', '').split('→');
      const items = floors.flatMap((floor, depth) =>
        floor.split(',').map((item): [string, number] => [item.trim(), depth]),
      );
      if (items.some(([item]) => !/^[\w.-]+$/.test(item)))
        throw new Error(`ARCHITECTURE.md: "${cell}" is no order`);
      return [room.replaceAll('`', ''), new Map(items)];
    }),
  );
}

/** Names every import within a room that runs back up, or to a neighbour. Files that no floor names are above all. */
export function upwardImports(parsed: Parsed, order: FolderOrder): string[] {
  const { path } = parsed.file;
  const room = path.split('/')[1] ?? '';
  const floors = order.get(room);
  if (floors === undefined) return [];
  const from = itemOf(path);
  if (isFolder(path) && !floors.has(from)) return [`${path}: the folder "${from}" is on no floor of ${room}`];
  return importsOf(parsed).flatMap(({ target, line, isRelative }) => {
    if (!isRelative || !target.startsWith(`src/${room}/`)) return [];
    const to = itemOf(target);
    const isDown = (floors.get(to) ?? -1) > (floors.get(from) ?? -1);
    const isAtHome = to === from || (!floors.has(from) && !floors.has(to) && !isFolder(target));
    return isDown || isAtHome ? [] : [`${path}:${line}: ${from} may not import ${target}: it is not below`];
  });
}

const itemOf = (path: string): string => path.split('/')[2] ?? '';
const isFolder = (path: string): boolean => path.split('/').length > 3;
