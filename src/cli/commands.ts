import { backupCommand } from './backup.ts';
import type { Command } from './command.ts';
import { demoCommand } from './demo.ts';
import { eventsCommands } from './events.ts';
import { exportCommand } from './export.ts';
import { grantCommands } from './grant.ts';
import { healthCommand } from './health.ts';
import { importCommand } from './import.ts';
import { lockCommands } from './lock.ts';
import { orgCommands } from './org.ts';
import { policyCommands } from './policy.ts';
import { serverCommands } from './server.ts';
import { tokenCommands } from './token.ts';
import { userCommands } from './user.ts';
import { userPasswordCommands } from './user-create.ts';
import { userLockCommands } from './user-lock.ts';
import { userStateCommands } from './user-state.ts';
import { verifyCommand } from './verify.ts';

const help = { help: { help: 'this text' } };
const json = {
  document: { json: { help: 'print one JSON document; failures too, on stderr' } },
  lines: { json: { help: 'print JSON Lines, one document for each row; failures too, on stderr' } },
  none: {},
} as const;

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  ...serverCommands,
  ...userCommands,
  ...userLockCommands,
  ...userStateCommands,
  ...userPasswordCommands,
  ...lockCommands,
  ...policyCommands,
  ...tokenCommands,
  ...grantCommands,
  ...orgCommands,
  ...eventsCommands,
  exportCommand,
  importCommand,
  backupCommand,
  verifyCommand,
  healthCommand,
  demoCommand,
].map((command) => ({ ...command, options: { ...command.options, ...json[command.json], ...help } }));
