import { UsageError } from '../app/usage.ts';
import type { Command } from './command.ts';
import { backupCommand } from './commands/backup.ts';
import { demoCommand } from './commands/demo/demo.ts';
import { eventsCommands } from './commands/events.ts';
import { exportCommand } from './commands/export.ts';
import { grantCommands } from './commands/grant.ts';
import { healthCommand } from './commands/health.ts';
import { hookCommands } from './commands/hook.ts';
import { importCommand } from './commands/import.ts';
import { lockCommands } from './commands/lock.ts';
import { loginCommands } from './commands/login.ts';
import { orgCommands } from './commands/org.ts';
import { policyCommands } from './commands/policy.ts';
import { rotateCommand } from './commands/rotate.ts';
import { runCommands } from './commands/runs.ts';
import { serverCommands } from './commands/server.ts';
import { tokenCommands } from './commands/token.ts';
import { unlockAllCommand } from './commands/unlock-all.ts';
import { userPasswordCommands } from './commands/user/create.ts';
import { userEraseCommand } from './commands/user/erase.ts';
import { userLockCommands } from './commands/user/lock.ts';
import { userMetadataCommands } from './commands/user/metadata.ts';
import { userHistoryCommand } from './commands/user/past.ts';
import { userStateCommands } from './commands/user/state.ts';
import { userUpdateCommands } from './commands/user/update.ts';
import { userCommands } from './commands/user/user.ts';
import { verifyCommand } from './commands/verify.ts';
import { completionScript, shells } from './completion.ts';
import { write } from './output.ts';

const help = { help: { help: 'this text' } };
const json = {
  document: { json: { help: 'print one JSON document; failures too, on stderr' } },
  lines: { json: { help: 'print JSON Lines, one document for each row; failures too, on stderr' } },
  none: {},
} as const;

/** `latchkey completion`. Here, because it is about all the others. */
const completionCommand: Command = {
  path: 'completion',
  operands: `(${shells.join(' | ')})`,
  operandsMax: 1,
  summary: 'Print a script that completes commands, options and their values in a shell',
  notes: [
    'bash: source <(latchkey completion bash) in ~/.bashrc; zsh: the same with zsh in ~/.zshrc, after compinit;',
    'fish: latchkey completion fish > ~/.config/fish/completions/latchkey.fish',
  ],
  options: {},
  json: 'none',
  examples: ['latchkey completion bash'],
  async run({ args, terminal }) {
    const shell = shells.find((one) => one === args.operands[0]);
    if (shell === undefined) throw new UsageError(`for which shell? ${shells.join(', ')}`);
    await write(terminal.output, completionScript(shell, commands));
  },
};

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  ...serverCommands,
  ...loginCommands,
  ...userCommands,
  userHistoryCommand,
  ...userLockCommands,
  ...userStateCommands,
  userEraseCommand,
  ...userPasswordCommands,
  ...userUpdateCommands,
  ...userMetadataCommands,
  ...lockCommands,
  unlockAllCommand,
  ...runCommands,
  ...policyCommands,
  ...tokenCommands,
  rotateCommand,
  ...grantCommands,
  ...orgCommands,
  ...eventsCommands,
  ...hookCommands,
  exportCommand,
  importCommand,
  backupCommand,
  verifyCommand,
  healthCommand,
  demoCommand,
  completionCommand,
].map((command) => ({ ...command, options: { ...command.options, ...json[command.json], ...help } }));
