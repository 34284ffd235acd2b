import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { pinned } from '../process.ts';

/** What the figures were measured on. */
export function machine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    placement,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  };
}

/** Which process may run where. */
const placement = pinned
  ? 'load generator on core 0, Node servers on core 1; PostgreSQL and pgbench wherever the system puts them'
  : 'every process wherever the system puts it';

/** The server's settings on a line or two. */
export function settingsText(settings: Readonly<Record<string, string>>): string {
  const { server_version: version, ...others } = settings;
  const list = Object.entries(others).map(([name, value]) => `${name}=${value}`);
  return `PostgreSQL ${version}: ${list.join(', ')}\nPlacement: ${placement}`;
}
