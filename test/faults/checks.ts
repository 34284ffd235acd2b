import { readFile } from 'node:fs/promises';

/** Counts what was checked, and says each in a line. */
export interface Checks {
  readonly passed: number;
  readonly failed: number;
  /** Passes where there is nothing to complain about. */
  check(name: string, complaints: readonly string[]): void;
  /** Prints the sum and sets the exit code of the process. */
  sumUp(): void;
}

const problemsShownMax = 10;

export function createChecks(): Checks {
  const counts = { passed: 0, failed: 0 };
  return {
    get passed() {
      return counts.passed;
    },
    get failed() {
      return counts.failed;
    },
    check(name, complaints) {
      counts[complaints.length === 0 ? 'passed' : 'failed'] += 1;
      const shown = complaints.slice(0, problemsShownMax).map((complaint) => `     ${complaint}`);
      const more =
        complaints.length > shown.length ? [`     and ${complaints.length - shown.length} more`] : [];
      const verdict = complaints.length === 0 ? 'PASS' : 'FAIL';
      process.stdout.write(`${[`${verdict} ${name}`, ...shown, ...more].join('\n')}\n`);
    },
    sumUp() {
      process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
      process.exitCode = counts.failed > 0 ? 1 : 0;
    },
  };
}

/** What each of these files ends with. */
export async function showEnds(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    process.stdout.write(`the end of ${path}:\n${lines.slice(-20).join('\n')}\n`);
  }
}
