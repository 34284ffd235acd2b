import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Sequencer from '@jest/test-sequencer';

const root = join(import.meta.dirname, '../..');

/** More than twenty seconds alone, here or in test/long/run.sh, much of it waiting: the longest first. One that begins last is waited for by all others. */
const longest = [
  'test/security/guesses/postgres.test.ts',
  'test/security/guesses/sqlite.test.ts',
  'test/security/cost-before-a-token.test.ts',
  'test/people/many.test.ts',
  'test/security/sign-in.test.ts',
  'test/webhooks/delivery.test.ts',
  'test/webhooks/faults.test.ts',
  'test/unlock-run/killed.test.ts',
  'test/unlock-run/turns.test.ts',
  'test/unlock-run/unlock-run.test.ts',
  'test/app/launcher.test.ts',
  'test/model/lockout-model-served.test.ts',
  'test/store/file-gone.test.ts',
  'test/sign-in/answer-times.test.ts',
  'test/admin/follow.test.ts',
  'test/erasure/crash.test.ts',
  'test/store/broken.test.ts',
  'test/auth/permissions/above.test.ts',
].map((path) => join(root, path));

/** Jest's own order, by how long each took the last time; where nobody has run them yet, these before all others. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const gone = longest.filter((path) => !existsSync(path));
    if (gone.length > 0) throw new Error(`no such test, see ${import.meta.filename}: ${gone.join(', ')}`);
    const sorted = [...super.sort(tests)];
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    const placeOf = ({ path }) => (longest.includes(path) ? longest.indexOf(path) : longest.length);
    return sorted.sort((one, other) => placeOf(one) - placeOf(other));
  }
}
