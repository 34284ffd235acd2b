import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ErrorEntry } from '../../src/domain/error-entry.ts';
import { errors } from '../../src/domain/errors.ts';
import { bannedName, bannedSyntax } from './bans.ts';
import {
  brokenLinks,
  documentedErrors,
  errorLines,
  type Manifest,
  missingPaths,
  strayNames,
  unjustifiedDependencies,
} from './docs.ts';
import { unusedExports } from './exports.ts';
import { crowdedFolders, fileCircles, parseFolderOrder, sharedPrefixes, upwardImports } from './folders.ts';
import { forbiddenImports, forbiddenKnowledge, parseRoomTable, roomCycles } from './rooms.ts';
import { largeFunctions, longFile } from './sizes.ts';
import { type Parsed, parseSource, readSource, repositoryFiles, root } from './source.ts';
import { bannedWords } from './words.ts';

const files = repositoryFiles();
// What a generator wrote follows the generator's taste.
const isGenerated = (path: string): boolean => /(^|\/)gen\//.test(path);
const ours = files.filter((path) => /^(src|test|bench|generate)\//.test(path) && !isGenerated(path));
const written = ours.filter((path) => /\.(ts|tsx|js|mjs|css|html|sql|sh|py|go|java)$/.test(path));
const parsed: Parsed[] = written
  .filter((path) => /\.(ts|tsx|js|mjs)$/.test(path))
  .map((path) => parseSource(readSource(path)));
const source = parsed.filter(({ file }) => file.path.startsWith('src/'));

const read = (path: string): string | undefined =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;

describe('sizes', () => {
  test('a file ends before its reader tires', () => {
    expect(written.flatMap((path) => longFile(readSource(path)))).toEqual([]);
  });

  test('a function fits on a screen and takes four parameters at most', () => {
    expect(parsed.flatMap(largeFunctions)).toEqual([]);
  });

  test('ARCHITECTURE.md has 150 lines at most', () => {
    expect(readSource('ARCHITECTURE.md').text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });
});

describe('bans', () => {
  test('no construct that the style forbids', () => {
    expect(parsed.flatMap(bannedSyntax)).toEqual([]);
  });

  test('what a file exports, another imports', () => {
    expect(unusedExports(parsed)).toEqual([]);
  });

  test('names are kebab-case and name something', () => {
    // Other languages have rules of their own for file names, and tools that hold people to them.
    const named = ours.filter((path) => !/\.(java|py|go|xml|mod|sum|proto)$/.test(path));
    expect(named.filter((path) => !isFixedName(path)).flatMap(bannedName)).toEqual([]);
  });

  test('no word about registries, single machines or how the text was made', () => {
    const texts = files.filter((path) => !isGenerated(path) && !/\.(binpb|png|ico|svg|woff2)$/.test(path));
    expect(texts.flatMap((path) => bannedWords(readSource(path)))).toEqual([]);
  });
});

/** Names that a tool or a habit prescribes. */
const isFixedName = (path: string): boolean => /\/(README\.md|Dockerfile|Containerfile)$/.test(path);

describe('rooms', () => {
  test('every import obeys the table in ARCHITECTURE.md', () => {
    const table = parseRoomTable(readSource('ARCHITECTURE.md').text);
    expect(source.flatMap((file) => forbiddenImports(file, table))).toEqual([]);
  });

  test('no two rooms import one another, at any distance', () => {
    expect(roomCycles(source)).toEqual([]);
  });

  test('a room knows nothing that belongs to another', () => {
    expect(source.flatMap(forbiddenKnowledge)).toEqual([]);
  });
});

describe('folders', () => {
  test('a folder can be looked over', () => {
    expect(crowdedFolders(ours)).toEqual([]);
  });

  test('a prefix that three files share is a folder', () => {
    expect(sharedPrefixes(ours)).toEqual([]);
  });

  test('no file imports its way back to itself, types included', () => {
    expect(fileCircles(parsed)).toEqual([]);
  });

  test('within a room imports run down the order in ARCHITECTURE.md', () => {
    const order = parseFolderOrder(readSource('ARCHITECTURE.md').text);
    expect([...order.keys()]).toEqual(['server', 'store']);
    expect(source.flatMap((file) => upwardImports(file, order))).toEqual([]);
  });
});

describe('docs', () => {
  const docs = files.filter((path) => path.endsWith('.md'));

  test('every file that the docs name exists', () => {
    // The changelog may speak of what is gone.
    const pages = docs.filter((path) => path !== 'CHANGELOG.md');
    expect(pages.flatMap((path) => missingPaths(readSource(path), files))).toEqual([]);
  });

  test('every file that a comment names exists', () => {
    expect(source.flatMap(({ file }) => strayNames(file, files))).toEqual([]);
  });

  test('links between the docs resolve', () => {
    expect(docs.flatMap((path) => brokenLinks(readSource(path), files, read))).toEqual([]);
  });

  test("the docs' error table is the code's", () => {
    const rows = Object.values<ErrorEntry>(errors).map(({ kind, id, reason, text }) => ({
      kind,
      id,
      reason,
      text,
    }));
    expect(errorLines(documentedErrors(readSource('docs/errors.md').text))).toEqual(errorLines(rows));
  });
});

describe('dependencies', () => {
  test('each is pinned exactly, with its reason in ARCHITECTURE.md', () => {
    const manifest = JSON.parse(readSource('package.json').text) as Manifest;
    expect(unjustifiedDependencies(manifest, readSource('ARCHITECTURE.md').text)).toEqual([]);
  });

  test('lock files name packages and checksums, never where they came from', () => {
    const locks = files.filter((path) => path.endsWith('package-lock.json'));
    expect(locks).toContain('package-lock.json');
    expect(locks.filter((path) => readSource(path).text.includes('"resolved"'))).toEqual([]);
  });
});
