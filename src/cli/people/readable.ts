import { open, stat } from 'node:fs/promises';
import { FileUnreadable } from './person.ts';

const utf16 =
  'it is UTF-16: "iconv -f UTF-16 -t UTF-8" makes UTF-8 of it, as saving a table as "CSV UTF-8" does';
/** How files begin that are no text in UTF-8, and what makes such a text of them. */
const foreign: readonly (readonly [readonly number[], string])[] = [
  [[0xff, 0xfe], utf16],
  [[0xfe, 0xff], utf16],
  [
    [0x50, 0x4b, 0x03, 0x04],
    'it is a workbook or a ZIP archive: save its table as "CSV UTF-8", or unpack it',
  ],
  [[0x1f, 0x8b], 'it is compressed: "gunzip" unpacks it'],
];

/** Throws FileUnreadable where the file cannot be read twice, or begins as no text in UTF-8 does; else what `open` throws. */
export async function requireReadable(path: string): Promise<void> {
  // A pipe would be waited for, or be empty the second time.
  if (!(await stat(path)).isFile())
    throw new FileUnreadable('it is read twice, and no file that can be: a pipe, a folder or a device');
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const [, remedy] = foreign.find(([bytes]) => bytes.every((byte, at) => buffer[at] === byte)) ?? [];
  if (remedy !== undefined) throw new FileUnreadable(remedy);
}
