import type { OptionSpecs } from './arguments.ts';
import type { CommandContext } from './command.ts';
import type { Column } from './output.ts';
import { type Listing, type PageQuery, pageRowsMax } from './page.ts';

/** Options of every list. */
export const pageOptions = {
  limit: { value: 'N', help: 'how many rows at most', fallback: '100' },
  offset: { value: 'N', help: 'how many rows to pass over', fallback: '0' },
  all: { help: 'all rows, however many' },
} as const satisfies OptionSpecs;

interface List<Row> {
  readonly columns: readonly Column<Row>[];
  readonly fetch: (page: PageQuery) => Promise<Listing<Row>>;
  /** What no two rows share. */
  readonly key: (row: Row) => string;
}

const limitDefault = 100;

/** Prints the rows that --limit, --offset and --all ask for, and says where there are more. */
export async function printList<Row>(context: CommandContext, list: List<Row>): Promise<void> {
  const { args, output } = context;
  let total = 0;
  let shown = 0;
  const offset = args.count('offset') ?? 0;
  async function* pages(): AsyncGenerator<readonly Row[]> {
    const wanted = args.flag('all') ? Number.POSITIVE_INFINITY : (args.count('limit', 1) ?? limitDefault);
    for await (const listing of pagesOf(list, { start: offset, wanted })) {
      total = listing.total;
      shown += listing.rows.length;
      yield listing.rows;
    }
  }
  await output.rows(list.columns, pages());
  const end = offset + shown;
  if (shown === 0) await output.note(total === 0 ? 'none' : `none from ${offset} on, ${total} in all`);
  else if (end < total && !args.flag('all')) {
    await output.note(`${shown} of ${total}; the next with --offset ${end}, all of them with --all`);
  }
}

/** The rows behind the offset, each once, however the list changes under its reader: see pageBehind. */
export async function* pagesOf<Row>(
  list: Omit<List<Row>, 'columns'>,
  asked: { readonly start: number; readonly wanted: number },
): AsyncGenerator<Listing<Row>> {
  const { start } = asked;
  const seen = new Set<string>();
  let offset = start;
  let { wanted } = asked;
  while (wanted > 0) {
    // One more than wanted where the last one seen comes again.
    const limit = Math.min(wanted + Math.min(seen.size, 1), pageRowsMax);
    const { at, rows, total } = await pageBehind(list, seen, { start, offset, limit });
    const fresh = rows.filter((row) => !seen.has(list.key(row))).slice(0, wanted);
    for (const row of fresh) seen.add(list.key(row));
    yield { rows: fresh, total };
    if (rows.length < limit) return;
    offset = at + rows.length;
    wanted -= fresh.length;
  }
}

interface Place {
  readonly start: number;
  readonly offset: number;
  readonly limit: number;
}

/**
 * A page that begins with a row that was seen already, so that none was passed over: where rows before it have left the
 * list meanwhile, as the unlocked leave that of the locked, all others have moved up.
 */
async function pageBehind<Row>(
  { fetch, key }: Omit<List<Row>, 'columns'>,
  seen: ReadonlySet<string>,
  { start, offset, limit }: Place,
): Promise<Listing<Row> & { readonly at: number }> {
  for (let back = Math.min(seen.size, 1); ; back *= 2) {
    const at = Math.max(start, offset - back);
    const listing = await fetch({ offset: at, limit });
    const [first] = listing.rows;
    if (at === start || (first !== undefined && seen.has(key(first)))) return { ...listing, at };
  }
}
