import { visible } from '../domain/visible.ts';
import { localTime, localTimeWidth } from './eyes/local-time.ts';
import { CliError } from './failure.ts';

/** A column of a table; undefined is shown as "-". */
export interface Column<Row> {
  readonly title: string;
  /** What most cells take, so that rows which come one by one stand in line. */
  readonly width?: number;
  readonly of: (row: Row) => string | number | undefined;
  /** RFC 3339; shown as Output.time shows it. */
  readonly isTime?: true;
}

/** How a time is shown. */
export type TimeShown = (text: string | undefined) => string | undefined;

/** stdout as the user wants it: JSON, or text for eyes. */
export interface Output {
  /** One document, or the lines instead. */
  document(value: unknown, lines: readonly string[]): Promise<void>;
  /** Rows as they come, page by page: a document a line, or a table. Answers how many. */
  rows<Row>(columns: readonly Column<Row>[], pages: AsyncIterable<readonly Row[]>): Promise<number>;
  /** A remark for eyes alone, on stderr; nothing with --json. */
  note(line: string): Promise<void>;
  /** RFC 3339 as it is; on a terminal the local time, and how long ago. */
  readonly time: TimeShown;
}

export interface OutputOptions {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly isJson: boolean;
}

/** stdout was closed by its reader, as `| head` does: no failure, but nothing more to do either. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** Text is plain, without colour or truncation; what a terminal would obey is shown as an escape. */
export function createOutput({ stdout, stderr, isJson }: OutputOptions): Output {
  const isTerminal = !isJson && 'isTTY' in stdout && stdout.isTTY === true;
  const time: TimeShown = (text) => (text === undefined || !isTerminal ? text : localTime(text, Date.now()));
  return {
    time,
    document: (value, lines) => write(stdout, isJson ? jsonLine(value) : textLines(lines)),
    async rows(columns, pages) {
      const table = createTable(columns, time, isTerminal);
      let shown = 0;
      for await (const page of pages) {
        shown += page.length;
        if (page.length > 0) await write(stdout, isJson ? page.map(jsonLine).join('') : table(page));
      }
      return shown;
    },
    // What was asked for is done and told: a remark that nobody gets to see makes it no failure.
    note: async (line) => (isJson ? undefined : write(stderr, textLines([line])).catch(() => undefined)),
  };
}

/** Resolves once the stream has taken the text. Throws OutputClosed, or CliError where it could not be written. */
export function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(asFailure(error)) : resolve()));
  });
}

function asFailure(error: NodeJS.ErrnoException): Error {
  // A pipe or socket that nobody reads any more; the first failure has closed the stream for those after it.
  if (/^(EPIPE|ECONNRESET|ERR_STREAM_DESTROYED)$/.test(error.code ?? '')) {
    return new OutputClosed('', { cause: error });
  }
  const message = `Cannot write what was asked for, and what is there may be a part of it: ${error.message}`;
  return new CliError({ code: 'unavailable', message }, error);
}

/** One line of JSON. What a terminal would obey is escaped in it too, though JSON need not. */
export function jsonLine(value: unknown): string {
  return `${visible(JSON.stringify(value))}\n`;
}

const textLines = (lines: readonly string[]): string => lines.map((line) => `${visible(line)}\n`).join('');

/** Lines of "name   value", names aligned; pairs without a value are left out. */
export function pairs(values: Readonly<Record<string, string | number | undefined>>): readonly string[] {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** A table as lines, title first. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { time }: Pick<Output, 'time'>,
): readonly string[] {
  return createTable(columns, time)(rows).trimEnd().split('\n');
}

/** A printer of pages: the title once, columns as wide as the widest cell so far. */
function createTable<Row>(
  columns: readonly Column<Row>[],
  time: TimeShown,
  isTerminal = false,
): (page: readonly Row[]) => string {
  const widths = columns.map(({ title, width = 0, isTime }) =>
    Math.max(isTime && isTerminal && width > 0 ? localTimeWidth : width, title.length),
  );
  const textOf = (row: Row, { of, isTime }: Column<Row>) => {
    const value = of(row);
    return String((isTime && typeof value === 'string' ? time(value) : value) ?? '-');
  };
  let header: readonly string[][] = [columns.map(({ title }) => title)];
  return (page) => {
    const cells = page.map((row) => columns.map((column) => visible(textOf(row, column))));
    const lines = [...header, ...cells];
    header = [];
    for (const line of lines) {
      for (const [at, cell] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, lengthOf(cell));
    }
    const pad = (cell: string, at: number) => cell + ' '.repeat((widths[at] ?? 0) - lengthOf(cell));
    return lines.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('');
  };
}

const lengthOf = (text: string): number => [...text].length;
