import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands.ts';
import { runHere } from './run-cli.ts';

const run = promisify(execFile);

/** What bash offers behind these words; the last one is begun, or empty. */
async function offered(...words: string[]): Promise<string[]> {
  const { code, stdout: script } = await runHere(['completion', 'bash']);
  expect(code).toBe(0);
  const ask = `${script}
COMP_WORDS=(latchkey "$@"); COMP_CWORD=$#
_latchkey
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', ask, 'bash', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes commands, options and values', async () => {
  const firsts = [...new Set(commands.map(({ path }) => path.split(' ')[0]))];
  expect(await offered('')).toEqual(firsts);
  expect(await offered('unl')).toEqual(['unlock']);
  expect(await offered('lock', 'r')).toEqual(['runs', 'run', 'revert']);
  expect(await offered('lock', 'run', '1', '--out')).toEqual(['--outcome']);
  expect(await offered('lock', 'list', '--cause', '')).toEqual(['policy', 'administrator', 'command_line']);
  expect(await offered('lock', 'list', '--all', '--cause', 'p')).toEqual(['policy']);
  expect(await offered('user', 'list', '--jso')).toEqual(['--json']);
  expect(await offered('nothing', '')).toEqual([]);
});

test('every command and option is known to every shell', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runHere(['completion', shell]);
    expect(code).toBe(0);
    for (const { path, options } of commands) {
      expect(stdout).toContain(path);
      for (const name of Object.keys(options)) {
        expect(stdout).toContain(shell === 'fish' ? ` -l ${name} ` : `--${name}`);
      }
    }
  }
  expect((await runHere(['completion', 'zsh'])).stdout).toContain('bashcompinit');
});

test('another shell, or none, is wrong usage', async () => {
  expect(await runHere(['completion', 'csh'])).toMatchObject({ code: 2 });
  expect(await runHere(['completion'])).toMatchObject({ code: 2, stdout: '' });
});
