import { type FileHandle, open, unlink } from 'node:fs/promises';
import { CliError } from './failure.ts';

/**
 * Makes a file that nobody else may read (mode 0600) and lets `fill` write it; on disk when it resolves. An existing
 * file is never touched; one that could not be finished is taken away again. Throws CliError.
 */
export async function makeSecretFile<Result>(
  path: string,
  fill: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await create(path);
  try {
    const result = await fill(file);
    await file.sync();
    await file.close();
    return result;
  } catch (error) {
    await file.close();
    await unlink(path);
    throw isFileError(error) ? cannotWrite(path, error) : error;
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (!isFileError(error)) throw error;
    if (error.code !== 'EEXIST') throw cannotWrite(path, error);
    const message = `${path} is there already; it is not overwritten`;
    throw new CliError({ code: 'already_exists', message }, error);
  }
}

/** What the file system said. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}

function cannotWrite(path: string, error: Error): CliError {
  return new CliError({ code: 'unavailable', message: `Cannot write ${path}: ${error.message}` }, error);
}
