import type { SignOnConfig } from '../auth/issuer/sign-on.ts';
import type { SettingName } from './settings.ts';
import { parseChoice, readSecret, UsageError } from './usage.ts';

/** The console in the browser. */
export interface ConsoleConfig {
  /** Whether an unlock needs a reason. */
  readonly reason: 'required' | 'optional';
  /** undefined: people sign in with a token of their own alone. */
  readonly signOn: SignOnConfig | undefined;
}

/** Settings → what the console is to be. Throws UsageError. */
export function parseConsole(value: (name: SettingName) => string): ConsoleConfig | undefined {
  if (parseChoice('console', value('console'), ['on', 'off']) === 'off') return undefined;
  const reason = parseChoice('console-reason', value('console-reason'), ['required', 'optional']);
  const [issuer, clientId, path] = [
    value('oidc-issuer'),
    value('console-oidc-client'),
    value('console-oidc-secret-file'),
  ];
  if (clientId === '' && path === '') return { reason, signOn: undefined };
  if (clientId === '' || issuer === '') {
    throw new UsageError(
      '--console-oidc-client goes with --oidc-issuer, --console-oidc-secret-file with both',
    );
  }
  const clientSecret = path === '' ? undefined : readSecret('console-oidc-secret-file', path);
  return { reason, signOn: { issuer, clientId, clientSecret } };
}
