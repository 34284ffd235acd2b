import type { SignOn, SignOnConfig } from '../auth/issuer/sign-on.ts';
import type { ConsoleSessions } from '../rpc/console/session.ts';
import type { ConsolePages } from '../server/pages/console/answer.ts';
import type { App } from './app.ts';
import type { ConsoleConfig } from './console-config.ts';
import { readVersion } from './version.ts';

/** What the console's pages stand on; undefined: there are none. */
export function consolePages(
  { outbound }: Pick<App, 'outbound'>,
  console: ConsoleConfig | undefined,
  known: Pick<ConsolePages, 'log'> & { readonly sessions: ConsoleSessions | undefined },
): ConsolePages | undefined {
  const { sessions, log } = known;
  if (console === undefined || sessions === undefined) return undefined;
  const { reason, signOn } = console;
  return { sessions, reason, log, version: readVersion(), signOn: signOn && lateSignOn(signOn, outbound) };
}

/** Loaded by the first who signs in with it. */
function lateSignOn(config: SignOnConfig, outbound: App['outbound']): SignOn {
  const make = async () => {
    const { createSignOn } = await import('../auth/issuer/sign-on.ts');
    const { createFetch } = await import('../outbound/fetch.ts');
    return createSignOn(config, createFetch(outbound.wayTo([config.issuer])));
  };
  let made: Promise<SignOn> | undefined;
  const load = () => {
    made ??= make();
    return made;
  };
  return {
    begin: async (redirectUri) => (await load()).begin(redirectUri),
    finish: async (pending, returnedTo) => (await load()).finish(pending, returnedTo),
  };
}
