import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands.ts';
import { watchProcess } from '../../src/ops/process-metrics.ts';
import type { Metric } from '../../src/ops/registry.ts';
import { page } from '../readme/blocks.ts';
import { testWith } from '../readme/installed.ts';
import { makeKeyPair } from '../server/doors/key-pair.ts';
import { startServer } from '../support/start-server.ts';
import { tableWithHeader } from '../tidy/markdown.ts';
import { readSource, root } from '../tidy/source.ts';
import { type Exposition, readMetrics } from './exposition.ts';

const resources = new AsyncDisposableStack();
let metrics: readonly Metric[];
let exposed: Exposition;
beforeAll(async () => {
  const { certPath, keyPath } = resources.use(await makeKeyPair());
  const tls = ['--tls-cert', certPath, '--tls-key', keyPath];
  await using server = await startServer({ flags: ['--metrics-listen', '127.0.0.1:0', ...tls] });
  exposed = await readMetrics(server.metricsUrl);
  // On a busy machine whoever is locked is counted later than a first reader is kept waiting.
  for (let look = 0; look < 100 && !isCounted(exposed); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    exposed = await readMetrics(server.metricsUrl);
  }
  metrics = [...(server.app.metrics?.all ?? []), ...resources.use(watchProcess()).metrics];
});
afterAll(() => resources.disposeAsync());

const isCounted = ({ samples }: Exposition): boolean =>
  ['latchkey_locked_users', 'latchkey_webhook_subscriptions'].every((wanted) =>
    samples.some(({ name }) => name === wanted),
  );
const suffixes = { counter: '_total', gauge: '', histogram: '', info: '_info' } as const;
const nameOf = ({ kind, spec }: Metric): string => `${spec.name}${suffixes[kind]}`;

test('docs/metrics.md has a row for every metric', () => {
  const rows = tableWithHeader(page('docs/metrics.md'), ['metric', 'kind', 'labels', 'what it tells']);
  const labels = ({ rows: all }: Metric) => Object.keys(all[0] ?? {}).map((name) => `\`${name}\``);
  const coded = metrics.map((metric) => [
    `\`${nameOf(metric)}\``,
    metric.kind,
    labels(metric).join(', '),
    metric.spec.help,
  ]);
  expect(rows).toEqual(coded);
});

test('every metric is exposed from the start, and nothing else', () => {
  expect([...exposed.types.keys()].sort()).toEqual(metrics.map(nameOf).sort());
  const silent = metrics
    .map(nameOf)
    .filter((name) => !exposed.samples.some((sample) => sample.name.startsWith(name)));
  expect(silent).toEqual([]);
});

/** What a query asks for: `name{label="value"}`, each with the labels that it names. */
function selectors(query: string): { readonly name: string; readonly labels: readonly [string, string][] }[] {
  return [
    ...query
      .replaceAll(/\bby \([^)]*\)/g, '')
      .matchAll(/\b((?:latchkey|rpc|http|nodejs|process)_\w+)(?:\{([^}]*)\})?/g),
  ].map(([, name = '', matchers = '']) => ({
    name,
    labels: [...matchers.matchAll(/(\w+)\s*=\s*"([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  }));
}

/** The names that the file's queries ask for and no server exposes. */
function unknownNames(queries: readonly string[]): string[] {
  const all = queries.flatMap(selectors);
  // A template in the path of a route holds braces of its own.
  const found = ({ name, labels }: (typeof all)[number]) =>
    exposed.samples.some(
      (sample) =>
        sample.name === name &&
        labels.every(([key, value]) => value.includes('{') || sample.labels[key] === value),
    );
  return all.filter((one) => !found(one)).map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
}

/** The labels by which a query sums, and that its metrics do not have. */
function unknownGroups(queries: readonly string[]): string[] {
  const known = new Set(exposed.samples.flatMap(({ labels }) => Object.keys(labels)));
  // What Prometheus adds itself.
  known.add('instance').add('job');
  return queries
    .flatMap((query) =>
      [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/)),
    )
    .filter((name) => !known.has(name));
}

describe('deploy/prometheus-rules.yaml', () => {
  const { text } = readSource('deploy/prometheus-rules.yaml');
  const queries = [...text.matchAll(/^ +expr: (?:\|\n((?: {10,}.*\n)+)|(.+)\n)/gm)].map(
    ([, block, line]) => block ?? line ?? '',
  );
  const alerts = [...text.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);

  test('asks for metrics that exist', () => {
    expect(queries).toHaveLength(alerts.length);
    expect(unknownNames(queries)).toEqual([]);
    expect(unknownGroups(queries)).toEqual([]);
  });

  test('every alert has its row in docs/metrics.md', () => {
    const rows = tableWithHeader(page('docs/metrics.md'), ['alert', 'fires where', 'then']) ?? [];
    expect(rows.map(([name]) => name)).toEqual(alerts.map((name) => `\`${name}\``));
  });

  test('every alert says what to do first: commands that there are, and the page', () => {
    const actions = [...text.matchAll(/^ +action: "(.+) \((docs\/[a-z]+\.md)\)"$/gm)];
    expect(actions).toHaveLength(alerts.length);
    for (const [, action = '', where = ''] of actions) {
      expect(page(where)).not.toBe('');
      for (const [, words = ''] of action.matchAll(/latchkey ((?:[a-z]+ ?)+)/g)) {
        expect(commands.map(({ path }) => path).some((path) => `${words} `.startsWith(`${path} `))).toBe(
          true,
        );
      }
    }
  });

  for (const [what, file] of [
    ['a mass lockout fires its alert, a busy day does not', 'mass-lockout.yaml'],
    ['receivers of webhooks that are away or gone fire theirs', 'webhooks.yaml'],
    ['a certificate that ends soon fires its alert, one of a day does not at once', 'certificate.yaml'],
  ] as const) {
    testWith('promtool')(`promtool: ${what}`, async () => {
      const rules = join(root, 'test/metrics', file);
      const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', rules]);
      expect(stdout).toContain('SUCCESS');
    });
  }
});

test('deploy/grafana-dashboard.json asks for metrics that exist, and shows each', () => {
  const { panels } = JSON.parse(readSource('deploy/grafana-dashboard.json').text) as {
    panels: { targets: { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(unknownNames(queries)).toEqual([]);
  expect(unknownGroups(queries)).toEqual([]);
  const shown = (metric: Metric) => queries.some((query) => query.includes(nameOf(metric)));
  expect(metrics.filter((metric) => !shown(metric)).map(nameOf)).toEqual([]);
});
