import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isDamage, isUnavailable } from './error.ts';

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
 * Asks cheaply while all goes well: the write lock, and room on the disk. After a failure only a write that is synced
 * counts as proof of the contrary; after damage nothing does, until somebody has looked and started anew.
 */
export function createReadiness(db: DatabaseSync, path: string): Readiness {
  let hasFailed = false;
  let damage: unknown;
  const prove = () => {
    db.exec('BEGIN IMMEDIATE');
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

/** Remembers whether one of the watched reads found the file damaged. */
export interface DamageWatch {
  watched<Value>(read: (key: string) => Value): (key: string) => Value;
  isFound(): boolean;
}

/** Reads pass as they are; only what SQLite calls damage is noted. */
export function watchDamage(): DamageWatch {
  let isFound = false;
  return {
    isFound: () => isFound,
    watched: (read) => (key) => {
      try {
        return read(key);
      } catch (error) {
        isFound ||= isDamage(error);
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
