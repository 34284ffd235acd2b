import { DomainError } from '../domain/errors.ts';
import type { Page, Scope } from '../domain/filter.ts';
import type { Listed } from '../store/store.ts';

const limitDefault = 100;
const limitMax = 1_000;

/** A page as asked for: limit 0 means the default. */
export interface PageRequest {
  readonly offset: bigint;
  readonly limit: number;
  readonly ascending: boolean;
}

/** Nothing asked: the first page, descending. */
export const firstPage: PageRequest = { offset: 0n, limit: 0, ascending: false };

/** Throws limitTooLarge over 1000. */
export function parsePage(request: PageRequest): Page {
  return {
    offset: parsePosition(request.offset),
    limit: parseLimit(request.limit),
    ascending: request.ascending,
  };
}

/** 0 → 100. Throws limitTooLarge over 1000. */
export function parseLimit(limit: number): number {
  if (limit > limitMax) throw new DomainError('limitTooLarge');
  return limit === 0 ? limitDefault : limit;
}

/** A 64-bit offset or position → number; what is past the numbers is past every list as well. */
export function parsePosition(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** The newest position counts the events of the whole instance: who reads only a part of it is not told. */
export function seenFrom<Row>(scope: Scope, listed: Listed<Row>): Listed<Row> {
  return scope === 'all' ? listed : { ...listed, position: 0 };
}
