import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { requireKnown } from '../sql/fence.ts';
import { isBusy, isDamage, isUnavailable } from './error.ts';

/** What the writer knows of its chances. */
export interface Readiness {
  /** Undefined where a write would go through now, else what stands in the way. */
  whyNot(): unknown;
  /** A write failed of this. */
  failed(error: unknown): void;
}

/** One large batch fits into this; with less, the next write may be the one that does not. */
const roomBytesMin = 1024 * 1024;

/**
 * Asks cheaply while all goes well: the write lock, the schema, and room on the disk. After a failure only a write that is synced
 * counts as proof of the contrary; after damage nothing does, until somebody has looked and started anew.
 */
export function createReadiness(db: DatabaseSync, path: string): Readiness {
  const schema = db.prepare('SELECT max(version) AS version FROM migrations');
  let hasFailed = false;
  let damage: unknown;
  const prove = () => {
    db.exec('BEGIN IMMEDIATE');
    requireKnown(schema.get()?.version as number);
    if (hasFailed) db.exec('UPDATE migrations SET applied_at = applied_at WHERE version = 1');
    db.exec('COMMIT');
    if (roomBytes(path) < roomBytesMin) throw new Error('the disk is full');
  };
  return {
    failed(error) {
      if (!isUnavailable(error)) return;
      hasFailed = true;
      if (isDamage(error)) damage = error;
    },
    whyNot() {
      if (damage !== undefined) return damage;
      try {
        prove();
        hasFailed = false;
        return undefined;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        return error;
      }
    },
  };
}

/** Remembers whether one of the watched reads has failed of the file. */
export interface ReadWatch {
  watched<Value>(read: (key: string) => Value): (key: string) => Value;
  /** Whether all that was found failing would succeed now. */
  isSound(): boolean;
}

/**
 * Reads pass as they are. What SQLite calls damage is noted for good; another failure, such as a disk that does not
 * answer or a log that ends too early, until the very read that failed of it succeeds.
 */
export function watchReads(): ReadWatch {
  let isDamaged = false;
  let failed: (() => void) | undefined;
  return {
    isSound() {
      if (isDamaged) return false;
      try {
        failed?.();
        failed = undefined;
        return true;
      } catch {
        return false;
      }
    },
    watched: (read) => (key) => {
      try {
        return read(key);
      } catch (error) {
        isDamaged ||= isDamage(error);
        if (isUnavailable(error) && !isBusy(error)) failed = () => void read(key);
        throw error;
      }
    },
  };
}

function roomBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    // A file system that does not say: the next write will.
    return Number.POSITIVE_INFINITY;
  }
}
