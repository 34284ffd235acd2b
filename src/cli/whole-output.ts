import { createWriteStream, fstatSync } from 'node:fs';

/**
 * stdout, such that each write either arrives whole or fails. Where it is a file, Node's own stream takes a write of
 * which the disk had room for a part alone as done, and `> file` ends in the middle with exit code 0.
 */
export function wholeOutput(stdout: NodeJS.WriteStream & { readonly fd: number }): NodeJS.WritableStream {
  if (!isFile(stdout.fd)) return stdout;
  return createWriteStream('', { fd: stdout.fd, autoClose: false });
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    // It was closed before we began (`>&-`): Node's stream says so at the first write.
    return false;
  }
}
