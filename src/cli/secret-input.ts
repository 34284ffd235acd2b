import type { Terminal } from './command.ts';
import { CliError } from './failure.ts';
import { write } from './output.ts';

const secretBytesMax = 4_096;

/**
 * A secret from a terminal, without echo and asked for twice, or else everything on stdin without its last line end.
 * Never from the command line, which every user of the machine can read. Throws invalid_argument.
 */
export async function readSecret(terminal: Terminal, what: string): Promise<string> {
  const secret = terminal.input.isTTY ? await askTwice(terminal, what) : await readAll(terminal.input);
  if (secret === '') throw invalid(`${what}: nothing was given on stdin`);
  return secret;
}

const invalid = (message: string): CliError => new CliError({ code: 'invalid_argument', message });

async function readAll(input: Terminal['input']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > secretBytesMax) throw invalid(`stdin: over ${secretBytesMax} bytes`);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

async function askTwice(terminal: Terminal, what: string): Promise<string> {
  const first = await ask(terminal, `${what}: `);
  if ((await ask(terminal, 'Once more: ')) !== first) throw invalid('The two are not the same');
  return first;
}

const controlC = '\u0003';
const controlD = '\u0004';
const erasers = ['\u007f', '\b'];

/** One line in raw mode: the terminal shows nothing, and this function does what the terminal would have done. */
async function ask({ input, errors }: Terminal, question: string): Promise<string> {
  await write(errors, question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  try {
    return await readLine(input);
  } finally {
    input.setRawMode(false);
    input.pause();
    await write(errors, '\n');
  }
}

function readLine(input: Terminal['input']): Promise<string> {
  return new Promise((resolve, reject) => {
    let line: readonly string[] = [];
    const end = (settle: () => void) => {
      input.off('data', read);
      input.off('end', cut);
      settle();
    };
    const cut = () => end(() => reject(invalid('Interrupted')));
    const read = (text: string) => {
      for (const character of text) {
        if (character === controlC || character === controlD) return cut();
        if (character === '\r' || character === '\n') return end(() => resolve(line.join('')));
        line = erasers.includes(character) ? line.slice(0, -1) : [...line, character];
      }
    };
    input.on('data', read);
    input.on('end', cut);
    input.resume();
  });
}
