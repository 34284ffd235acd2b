import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, test } from '@jest/globals';
import { parseUserId } from '../../src/domain/ids.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';

const [processesCount, guesses, limit] = [16, 7, 5];
const times = repetitions({ few: 2, many: 20 });
const script = new URL('application.ts', import.meta.url).pathname;

interface Application extends AsyncDisposable {
  /** What all guesses of this process at the user were told. */
  guess(userId: string): Promise<readonly string[]>;
}

function startApplication(urls: readonly string[], token: string): Application {
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify({ urls, token, guesses })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async guess(userId) {
      child.stdin.write(`${userId}\n`);
      const { value } = await lines.next();
      return JSON.parse(String(value));
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe.each(stores)('an application of sixteen processes at two servers, on %s', (store) => {
  test(`is told of as many failures as the limit says, and of one lock: ${times} users`, async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openEmptyDatabase(store));
    const options = { database, flags: ['--lockout-attempts', String(limit)] };
    const first = resources.use(await startServer(options));
    const second = resources.use(await startServer(options));
    await first.people.organization('home');
    const token = await first.people.caller({ organization: 'home', roles: ['IAM_LOGIN_CLIENT'] });
    const processes = Array.from({ length: processesCount }, () =>
      resources.use(startApplication([first.url, second.url], token)),
    );
    for (let time = 0; time < times; time += 1) {
      const userId = await first.people.user({ organization: 'home' });
      const told = (await Promise.all(processes.map((process) => process.guess(userId)))).flat();
      expect(Object.groupBy(told, (answer) => answer)).toEqual({
        failed: Array(limit).fill('failed'),
        'User is locked (COMMAND-SFA3t)': Array(processesCount * guesses - limit).fill(
          'User is locked (COMMAND-SFA3t)',
        ),
      });
      const events = await first.app.store.listEvents({
        ...{ afterPosition: 0, limit: 1000, userId: parseUserId(userId) },
      });
      expect(events.slice(1).map(({ type }) => type)).toEqual([
        ...Array(limit).fill('user.human.password.check.failed'),
        'user.locked',
      ]);
    }
  }, 300_000);
});
