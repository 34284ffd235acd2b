import { isUtf8 } from 'node:buffer';
import { visible } from '../domain/visible.ts';
import type { Terminal } from './command.ts';
import { invalid } from './failure.ts';
import { write } from './output.ts';

const secretBytesMax = 4_096;

/**
 * A secret from a terminal, without echo and asked for twice, or else everything on stdin without its last line end.
 * Never from the command line, which every user of the machine can read. Throws invalid_argument.
 */
export async function readSecret(terminal: Terminal, what: string): Promise<string> {
  const secret = terminal.input.isTTY ? await askTwice(terminal, what) : await readStdin(terminal.input);
  if (secret === '') throw invalid(`${what}: nothing was given on stdin`);
  return secret;
}

/** All of it, without its last line end. Throws invalid_argument. */
export async function readStdin(input: Terminal['input']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > secretBytesMax) throw invalid(`stdin: over ${secretBytesMax} bytes`);
  }
  const given = Buffer.concat(chunks);
  // Read all the same, each byte would become the same character, and another password than was meant be set.
  if (!isUtf8(given)) throw invalid('stdin: must be UTF-8');
  return given.toString().replace(/\r?\n$/, '');
}

async function askTwice(terminal: Terminal, what: string): Promise<string> {
  const [first = '', again] = await askAtTerminal(terminal, [{ question: what }, { question: 'Once more' }]);
  if (again !== first) throw invalid('The two are not the same');
  return first;
}

/** What is asked for at a terminal. */
export interface Question {
  readonly question: string;
  /** The answer is no secret. */
  readonly isShown?: true;
}

/**
 * The answers. Raw mode before the first question and until after the last answer: what is typed ahead is not shown either.
 * This function then does what the terminal would have done. Throws invalid_argument.
 */
export async function askAtTerminal(
  { input, errors }: Terminal,
  questions: readonly Question[],
): Promise<readonly string[]> {
  input.setRawMode(true);
  input.setEncoding('utf8');
  const keys = charactersOf(input);
  const answers: string[] = [];
  try {
    for (const { question, isShown } of questions) {
      await write(errors, `${question}: `);
      const echo = isShown === true ? (text: string) => write(errors, text) : async () => undefined;
      answers.push(await readLine(keys, echo).finally(() => write(errors, '\n')));
    }
    return answers;
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

async function readLine(
  keys: AsyncGenerator<string, void, undefined>,
  echo: (text: string) => Promise<unknown>,
): Promise<string> {
  let line: readonly string[] = [];
  for (let at = 0; at <= secretBytesMax; at += 1) {
    const { value: key } = await keys.next();
    if (key === undefined || key === controlC || key === controlD) throw invalid('Interrupted');
    if (key === '\r' || key === '\n') return line.join('');
    const isErased = erasers.includes(key);
    if (!isErased) await echo(visible(key));
    else if (line.length > 0) await echo('\b \b');
    line = isErased ? line.slice(0, -1) : [...line, key];
  }
  throw invalid(`Over ${secretBytesMax} characters`);
}
