/** How many rows one call asks for at most; the server refuses more. */
export const pageRowsMax = 1_000;

export interface PageQuery {
  readonly offset: number;
  /** At most pageRowsMax. */
  readonly limit: number;
}

/** One page, and how many rows there are in all. */
export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** A user after a change. */
export interface ChangeRow {
  readonly userId: string;
  readonly organizationId: string;
  readonly sequence: number;
  readonly creationDate: string;
  readonly changeDate: string;
}
