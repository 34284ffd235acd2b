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

/**
 * Raw mode before the first question and until after the last answer: what is typed ahead is not shown either. This
 * function then does what the terminal would have done.
 */
async function askTwice({ input, errors }: Terminal, what: string): Promise<string> {
  input.setRawMode(true);
  input.setEncoding('utf8');
  const keys = charactersOf(input);
  const ask = async (question: string): Promise<string> => {
    await write(errors, question);
    try {
      return await readLine(keys);
    } finally {
      await write(errors, '\n');
    }
  };
  try {
    const first = await ask(`${what}: `);
    if ((await ask('Once more: ')) !== first) throw invalid('The two are not the same');
    return first;
  } finally {
    input.setRawMode(false);
    await keys.return();
  }
}

async function* charactersOf(input: Terminal['input']): AsyncGenerator<string, void, undefined> {
  for await (const chunk of input) yield* String(chunk);
}

const controlC = '\u0003';
const controlD = '\u0004';
const erasers = ['\u007f', '\b'];

async function readLine(keys: AsyncGenerator<string, void, undefined>): Promise<string> {
  let line: readonly string[] = [];
  for (let at = 0; at <= secretBytesMax; at += 1) {
    const { value: key } = await keys.next();
    if (key === undefined || key === controlC || key === controlD) throw invalid('Interrupted');
    if (key === '\r' || key === '\n') return line.join('');
    line = erasers.includes(key) ? line.slice(0, -1) : [...line, key];
  }
  throw invalid(`Over ${secretBytesMax} characters`);
}
