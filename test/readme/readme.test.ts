import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { http } from '../../gen/es/google/api/annotations_pb.js';
import type { HttpRule } from '../../gen/es/google/api/http_pb.js';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { AttemptService } from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { PolicyService } from '../../gen/es/latchkey/v1/policy_pb.js';
import { SubscriptionService } from '../../gen/es/latchkey/v1/subscription_pb.js';
import { UnlockRunService } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { SessionService } from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SettingsService } from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { parseServeConfig } from '../../src/app/config.ts';
import { helpOf, settings } from '../../src/app/settings.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { exitCodeTexts } from '../../src/cli/failure.ts';
import { permissions } from '../../src/domain/roles.ts';
import { tableWithHeader } from '../tidy/markdown.ts';
import { readSource, repositoryFiles } from '../tidy/source.ts';
import { page, pages, section, shellCommands, shellWords } from './blocks.ts';

function table(path: string, ...header: string[]): string[][] {
  const rows = tableWithHeader(page(path), header);
  if (rows === undefined) throw new Error(`${path} has no table ${header.join(' | ')}`);
  return rows;
}

describe("the docs' tables", () => {
  test('the settings are those of the configuration', () => {
    const documented = table('docs/configuration.md', 'flag', 'environment', 'default', 'what it does');
    const coded = Object.entries(settings).map(([name, setting]) => [
      `\`--${name}\``,
      `\`${setting.env}\``,
      setting.fallback === '' ? '' : `\`${setting.fallback}\``,
      helpOf(setting),
    ]);
    expect(documented.filter(([flag]) => flag !== '`--demo`')).toEqual(coded);
  });

  test('every flag of serve has its row, and a server takes it', () => {
    const documented = table('docs/configuration.md', 'flag', 'environment', 'default', 'what it does').map(
      ([flag = '']) => flag.replaceAll('`', ''),
    );
    const serve = commands.find(({ path }) => path === 'serve');
    const flags = Object.keys(serve?.options ?? {}).filter((name) => name !== 'help');
    expect(documented.sort()).toEqual(flags.map((name) => `--${name}`).sort());
    expect(parseServeConfig([]).demo).toBe(false);
    expect(parseServeConfig(['--demo']).demo).toBe(true);
  });

  test('the roles of a permission are those that hold it', () => {
    const coded = Object.entries(permissions).map(([name, held]) => [`\`${name}\``, held.join(', ')]);
    expect(table('docs/roles.md', 'to', 'it takes one of')).toEqual(coded);
  });

  test("the exit codes are the command line's", () => {
    expect(table('docs/command-line.md', 'exit code', 'means')).toEqual(Object.entries(exitCodeTexts));
  });

  test("the REST routes are the descriptors'", () => {
    const halves = table('docs/calls.md', 'call', 'rest', 'call', 'rest');
    const sides = [...halves.map((row) => row.slice(0, 2)), ...halves.map((row) => row.slice(2))];
    // Of an odd number the last has nobody beside it.
    const documented = sides.filter(([name]) => name !== '');
    const methods = [...UserService.methods, ...AdminService.methods];
    expect(documented).toEqual(methods.map((method) => [method.name, routesOf(method)]));
  });

  test("the REST routes of sessions are the descriptors'", () => {
    const methods = SessionService.methods.map((method) => [method.name, routesOf(method)]);
    expect(table('docs/calls.md', 'to sign in and out', 'rest')).toEqual(methods);
  });

  test('and those of attempts', () => {
    const methods = AttemptService.methods.map((method) => [method.name, routesOf(method)]);
    expect(table('docs/calls.md', 'to count attempts', 'rest')).toEqual(methods);
  });

  test('and so are those for a help desk', () => {
    const methods = [LockService, PolicyService, SettingsService].flatMap((service) => service.methods);
    expect(table('docs/calls.md', 'call', 'rest')).toEqual(
      methods.map((method) => [method.name, routesOf(method)]),
    );
  });

  test('and those of runs', () => {
    const methods = UnlockRunService.methods.map((method) => [method.name, routesOf(method)]);
    expect(table('docs/calls.md', 'to unlock many', 'rest')).toEqual(methods);
  });

  test('and those of subscriptions', () => {
    const methods = SubscriptionService.methods.map((method) => [method.name, routesOf(method)]);
    expect(table('docs/calls.md', 'to be told', 'rest')).toEqual(methods);
  });

  test('POST, PUT, PATCH and DeleteSession alone have a body, and the whole request is in it', () => {
    const ours = [
      AdminService,
      AttemptService,
      LockService,
      PolicyService,
      UnlockRunService,
      SubscriptionService,
    ];
    const services = [UserService, SessionService, SettingsService, ...ours];
    const rules = services.flatMap(({ methods }) => methods).flatMap(rulesOf);
    const bodies = rules.map(({ pattern, body }) => `${pattern.case} ${body}`.trim());
    expect([...new Set(bodies)].sort()).toEqual(['delete', 'delete *', 'get', 'patch *', 'post *', 'put *']);
    const deleting = rules.filter(({ pattern, body }) => pattern.case === 'delete' && body === '*');
    expect(deleting.map(({ pattern }) => pattern.value)).toEqual(['/v2/sessions/{session_id}']);
  });
});

function rulesOf(method: DescMethod): readonly HttpRule[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings];
}

function routesOf(method: DescMethod): string {
  const routes = rulesOf(method).map(({ pattern }) => `\`${pattern.case?.toUpperCase()} ${pattern.value}\``);
  return routes.length === 0 ? '—' : routes.join(', ');
}

describe('commands in the docs', () => {
  const lines = pages().flatMap((path) => shellCommands(page(path)));

  test.each(lines.filter((line) => line.startsWith('npx latchkey ')))('%s', (line) => {
    const [, , ...words] = shellWords(line);
    if (words.join(' ') === '--help') return;
    const command = commands.find(({ path }) => `${words.join(' ')} `.startsWith(`${path} `));
    if (command === undefined) throw new Error(`no such command: ${line}`);
    const rest = words.slice(command.path.split(' ').length);
    const { operands } = parseArguments(rest, command.options);
    expect(operands.length).toBeLessThanOrEqual(command.operandsMax);
    if (command.path === 'serve') expect(parseServeConfig(rest)).toBeDefined();
  });

  test('npm runs what the docs say it runs', () => {
    const { scripts } = JSON.parse(readSource('package.json').text) as { scripts: Record<string, string> };
    const named = lines.flatMap((line) => /npm (?:run )?(?!ci\b|run\b)([\w:]+)/.exec(line)?.[1] ?? []);
    expect(named).toContain('start');
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test('every script that the docs start is there', () => {
    const named = lines.map((line) => line.split(' ')[0] ?? '').filter((word) => word.includes('/'));
    expect(named).toContain('.ci/run');
    expect(named.filter((path) => !repositoryFiles().includes(path))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = page('README.md');

  test('begins with the two commands, and no section is empty', () => {
    const headings = [...readme.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
    for (const heading of headings) expect(section(readme, heading).trim()).not.toBe('');
    expect(headings[0]).toBe('Two commands');
    expect(shellCommands(section(readme, 'Two commands'))).toEqual([
      'npm ci && npm start',
      'npm ci && npm test',
    ]);
  });

  test('has 200 lines at most, and leads to every page', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
    const others = pages().filter((path) => path !== 'README.md' && !path.startsWith('docs/decisions/'));
    expect(others.filter((path) => !readme.includes(`](${path})`))).toEqual([]);
  });
});

test('ARCHITECTURE.md leads to every decision', () => {
  const architecture = page('ARCHITECTURE.md');
  const decisions = pages().filter((path) => path.startsWith('docs/decisions/'));
  expect(decisions.length).toBeGreaterThan(10);
  expect(decisions.filter((path) => !architecture.includes(`](${path})`))).toEqual([]);
});
