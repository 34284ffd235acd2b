import { readFileSync } from 'node:fs';
import { type SettingName, settings } from './settings.ts';

/** Wrong use; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A setting as messages name it: whoever reads them may have set its variable, and never have typed the option. */
export function called(name: SettingName): string {
  return `--${name} (${settings[name].env})`;
}

/** One of the words that the setting may be. Throws UsageError. */
export function parseChoice<const Choice extends string>(
  name: SettingName,
  text: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const all = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  throw new UsageError(`${called(name)} must be ${all}, not "${text}"`);
}

/** What the file holds that the setting names. Throws UsageError. */
export function readNamed(name: SettingName, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${called(name)}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The same without the end of its line. Throws UsageError, which does not repeat it. */
export function readSecret(name: SettingName, path: string): string {
  const text = readNamed(name, path);
  // Whoever writes a file by hand ends the line; nobody's password does.
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new UsageError(`${called(name)}: ${path} is empty`);
  return password;
}
