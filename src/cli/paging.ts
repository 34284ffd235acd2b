import type { Arguments, OptionSpecs } from './arguments.ts';
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
}

const limitDefault = 100;

/** Prints the rows that --limit, --offset and --all ask for, and says where there are more. */
export async function printList<Row>(context: CommandContext, list: List<Row>): Promise<void> {
  const { args, output } = context;
  let total = 0;
  let shown = 0;
  const offset = args.count('offset') ?? 0;
  const pages = pagesOf(args, async (page) => {
    const listing = await list.fetch(page);
    total = listing.total;
    shown += listing.rows.length;
    return listing;
  });
  await output.rows(list.columns, pages);
  const end = offset + shown;
  if (shown === 0) await output.note(total === 0 ? 'none' : `none from ${offset} on, ${total} in all`);
  else if (end < total) {
    await output.note(`${shown} of ${total}; the next with --offset ${end}, all of them with --all`);
  }
}

async function* pagesOf<Row>(args: Arguments, fetch: List<Row>['fetch']): AsyncGenerator<readonly Row[]> {
  let offset = args.count('offset') ?? 0;
  let wanted = args.flag('all') ? Number.POSITIVE_INFINITY : (args.count('limit') ?? limitDefault);
  while (wanted > 0) {
    const limit = Math.min(wanted, pageRowsMax);
    const { rows } = await fetch({ offset, limit });
    yield rows;
    if (rows.length < limit) return;
    offset += rows.length;
    wanted -= rows.length;
  }
}
