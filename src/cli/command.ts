import type { Arguments, OptionSpecs } from './arguments.ts';
import type { Backend } from './backend.ts';
import type { Output } from './output.ts';

/** Where the command line reads and writes: the process's own streams, or a test's. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WritableStream;
  readonly errors: NodeJS.WritableStream;
}

/** One command: its help is made of these words, and `run` does it. */
export interface Command {
  /** As typed: "user unlock". */
  readonly path: string;
  /** Usage behind the path: "(USER_ID | --login NAME)". */
  readonly operands: string;
  readonly operandsMax: number;
  readonly summary: string;
  readonly options: OptionSpecs;
  /** What --json prints: one document, a document a line, or no --json. */
  readonly json: 'document' | 'lines' | 'none';
  /** It reads a password from stdin: what is typed behind it by mistake may be that, and is not repeated. */
  readonly readsSecret?: true;
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  readonly run: (context: CommandContext) => Promise<void>;
}

export interface CommandContext {
  readonly args: Arguments;
  readonly output: Output;
  readonly terminal: Terminal;
  /** Opened when first asked for; closed by who runs the command. */
  readonly backend: () => Promise<Backend>;
}

/** Options of every command that asks a server or a database. */
export const connectionOptions = {
  url: { value: 'URL', help: 'the server (LATCHKEY_URL)', fallback: 'http://127.0.0.1:8080' },
  token: {
    value: 'TOKEN',
    help: 'personal access token; rather set LATCHKEY_TOKEN, other users see a command line',
    fallback:
      'that of latchkey login; else, on loopback, the file admin-token in the data folder (LATCHKEY_DATA)',
  },
  ca: {
    value: 'FILE',
    help: "certificate (PEM) that signed the server's, where the system does not know it",
  },
  timeout: { value: 'SECONDS', help: 'how long to wait for an answer', fallback: '15' },
  db: {
    value: 'DATABASE',
    help: 'no server: straight on the database, a file or postgres://…, as the operating system user (LATCHKEY_DB)',
  },
} as const satisfies OptionSpecs;

/** The same, and why: for every command that changes something. */
export const changeOptions = {
  ...connectionOptions,
  reason: { value: 'TEXT', help: 'why; kept in the event; 500 characters at most' },
} as const satisfies OptionSpecs;

/** Option of every command that works on a database and on nothing else. */
export const databaseOptions = {
  db: {
    value: 'DATABASE',
    help: 'database file, or postgres://… (LATCHKEY_DB)',
    fallback: 'latchkey.db in the data folder',
  },
} as const satisfies OptionSpecs;

/** How a user is named. */
export const userOptions = {
  login: {
    value: 'NAME',
    help: 'the user by login name, user name, e-mail address or external id instead of the id',
  },
} as const satisfies OptionSpecs;
