import type { Backend } from '../backend.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../failure.ts';
import { type Listing, pageRowsMax } from '../page.ts';

/** Ids whose names are to be shown; undefined ones are nobody's. */
export interface IdsSeen {
  readonly users?: readonly (string | undefined)[];
  readonly organizations?: readonly (string | undefined)[];
}

interface Named {
  readonly loginName: string;
  /** RFC 3339. */
  readonly creationDate: string;
}

type Source = Pick<Backend, 'listUsers' | 'listOrganizations'>;

/** Ids that one call asks for. */
const idsMax = 100;
/** Names that are kept before all are forgotten: whoever follows the log for weeks sees everybody. */
const keptMax = 10_000;

/**
 * What people call the users and organizations that a command shows, each looked up once. Whom the caller may not read, and who
 * is gone, is shown by their id. For eyes alone: with --json nothing is looked up.
 */
export class Names {
  readonly #source: () => Promise<Source>;
  readonly #isWanted: boolean;
  /** Undefined: looked for, and not to be read. */
  readonly #users = new Map<string, Named | undefined>();
  #organizations: Map<string, string> | undefined;

  constructor({ args, backend }: Pick<CommandContext, 'args' | 'backend'>) {
    this.#source = backend;
    this.#isWanted = !args.flag('json');
  }

  async learn({ users = [], organizations = [] }: IdsSeen): Promise<void> {
    if (!this.#isWanted) return;
    if (this.#users.size > keptMax) this.#users.clear();
    const unknown = new Set(users.filter((id) => id !== undefined && id !== '' && !this.#users.has(id)));
    const ids = [...unknown].filter((id) => id !== undefined);
    for (let from = 0; from < ids.length; from += idsMax)
      await this.#learnUsers(ids.slice(from, from + idsMax));
    if (organizations.some((id) => id !== undefined)) this.#organizations ??= await this.#readOrganizations();
  }

  async #learnUsers(userIds: readonly string[]): Promise<void> {
    const source = await this.#source();
    const rows = await readable(source.listUsers({ userIds, offset: 0, limit: idsMax }));
    if (rows === undefined) return;
    for (const id of userIds) this.#users.set(id, undefined);
    for (const { userId, loginName, creationDate } of rows)
      this.#users.set(userId, { loginName, creationDate });
  }

  async #readOrganizations(): Promise<Map<string, string> | undefined> {
    const source = await this.#source();
    const rows = await readable(source.listOrganizations({ offset: 0, limit: pageRowsMax }));
    return rows && new Map(rows.map(({ organizationId, name }) => [organizationId, name]));
  }

  /** Pages as they come, their names learnt before they are shown. */
  async *of<Row>(
    pages: AsyncIterable<readonly Row[]>,
    idsOf: (rows: readonly Row[]) => IdsSeen,
  ): AsyncGenerator<readonly Row[]> {
    for await (const page of pages) {
      await this.learn(idsOf(page));
      yield page;
    }
  }

  /** What is listed, its names learnt before it is shown. */
  async listed<Row>(
    listing: Promise<Listing<Row>>,
    idsOf: (rows: readonly Row[]) => IdsSeen,
  ): Promise<Listing<Row>> {
    const found = await listing;
    await this.learn(idsOf(found.rows));
    return found;
  }

  /**
   * The login name of whoever may be read and is not gone. `at` (RFC 3339) is when they did what is shown, or when it was
   * done to them: whoever has been given the id of somebody deleted since is not named for it.
   */
  loginName(userId: string, at?: string): string | undefined {
    const named = this.#users.get(userId);
    if (named === undefined || at === undefined) return named?.loginName;
    return Date.parse(named.creationDate) <= Date.parse(at) ? named.loginName : undefined;
  }

  /** The login name, else the id. */
  user(userId: string, at?: string): string {
    return this.loginName(userId, at) ?? userId;
  }

  /** The login name, and the id behind it. */
  userAndId(userId: string, at?: string): string {
    const name = this.loginName(userId, at);
    return name === undefined ? userId : `${name} (${userId})`;
  }

  /** The name, and the id behind it, which commands take. */
  organization(organizationId: string): string {
    const name = this.#organizations?.get(organizationId);
    return name === undefined ? organizationId : `${name} (${organizationId})`;
  }
}

// A name that cannot be had now is no failure of what was asked for: where the server is gone, that itself will say so.
async function readable<Row>(
  listing: Promise<{ readonly rows: readonly Row[] }>,
): Promise<readonly Row[] | undefined> {
  try {
    return (await listing).rows;
  } catch (error) {
    const code = error instanceof CliError ? error.failure.code : undefined;
    if (code === 'permission_denied') return [];
    if (code === 'unavailable' || code === 'resource_exhausted') return undefined;
    throw error;
  }
}

/** What this server makes ids of; any other text may be the name of an operating system's user. */
const madeId = /^\d{15,20}$/;

/** The id, where it is one for certain. */
export const certainId = (text: string | undefined): string | undefined =>
  text !== undefined && madeId.test(text) ? text : undefined;
