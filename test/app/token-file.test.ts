import { closeSync, openSync, readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { saveToken } from '../../src/app/token-file.ts';
import { openFolder } from '../cli/run-cli.ts';

const token = `1795657869197524293.${'s'.repeat(43)}`;
const cleanup = new AsyncDisposableStack();
let folder: string;
let made = 0;
beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
});
afterAll(() => cleanup.disposeAsync());

async function place(): Promise<string> {
  made += 1;
  const path = join(folder, String(made), 'admin-token');
  await mkdir(dirname(path));
  return path;
}

const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o777;

describe("the file of the first administrator's token", () => {
  test.each([
    ['is not there', undefined, 0],
    ['is empty and everybody may read it', '', 0o666],
    ['holds white space', ' \n\n', 0o644],
  ])('that %s is made, mode 0600, and whoever had it open reads nothing', async (_, before, mode) => {
    const path = await place();
    if (before !== undefined) await writeFile(path, before);
    if (before !== undefined) await chmod(path, mode);
    const spy = before === undefined ? undefined : openSync(path, 'r');
    expect(saveToken(path, token)).toBe(path);
    expect(await readFile(path, 'utf8')).toBe(`${token}\n`);
    expect(await modeOf(path)).toBe(0o600);
    if (spy !== undefined) {
      expect(readFileSync(spy, 'utf8')).toBe(before);
      closeSync(spy);
    }
    expect(await readdir(dirname(path))).toEqual(['admin-token']);
  });

  test.each([
    ["an empty file of somebody's", ''],
    ['a file with something in it', 'something'],
    ['nothing', undefined],
  ])('is not looked for where a symbolic link leads, to %s', async (_, text) => {
    const [path, target] = [await place(), await place()];
    if (text !== undefined) await writeFile(target, text);
    await symlink(target, path);
    const kept = saveToken(path, token);
    expect(kept).toMatch(/admin-token-\d+$/);
    expect(await readFile(kept, 'utf8')).toBe(`${token}\n`);
    expect(await modeOf(kept)).toBe(0o600);
    expect(await readFile(target, 'utf8').catch(() => undefined)).toBe(text);
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
  });

  test('is a new one where an empty one has another name somewhere', async () => {
    const [path, other] = [await place(), await place()];
    await writeFile(other, '');
    await link(other, path);
    expect(saveToken(path, token)).toBe(path);
    expect(await readFile(other, 'utf8')).toBe('');
    expect(await readFile(path, 'utf8')).toBe(`${token}\n`);
  });

  test('is left alone where something is in it, and where it is no file', async () => {
    const [path, pathOfFolder] = [await place(), await place()];
    await writeFile(path, 'somebody’s');
    await mkdir(pathOfFolder);
    expect(saveToken(path, token)).toMatch(/admin-token-\d+$/);
    expect(await readFile(path, 'utf8')).toBe('somebody’s');
    expect(saveToken(pathOfFolder, token)).toMatch(/admin-token-\d+$/);
  });

  const rootTest = process.getuid?.() === 0 ? test : test.skip;
  rootTest("is the server's own where an empty one belonged to somebody else", async () => {
    const path = await place();
    await writeFile(path, '', { mode: 0o666 });
    await chown(path, 65_534, 65_534);
    expect(saveToken(path, token)).toBe(path);
    expect(await stat(path)).toMatchObject({ uid: 0 });
    expect(await modeOf(path)).toBe(0o600);
  });
});
