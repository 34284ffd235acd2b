import { userInfo } from 'node:os';

/** Who runs this process, for the record: a name, or "uid 12345" where no user database names the number. */
export function osUserName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as any number: uv_os_get_passwd then fails with ENOENT.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
