import { isAbsolute, join } from 'node:path';
import { settings } from './settings.ts';
import { suggestion } from './suggestion.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line takes beside the settings of the server. */
const clientVariables = ['LATCHKEY_URL', 'LATCHKEY_TOKEN'];

// A Service called "latchkey" puts these into every later pod of its namespace, and so do the links of old containers:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
const ofService =
  /^LATCHKEY(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;
const serviceAddress = /^(tcp|udp|sctp):\/\//;

/** The variable's value, unless it is the address of a Service that happens to share our name. */
export function ownVariable(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  if (value === undefined || !serviceAddress.test(value)) return value;
  const isOfService = Object.keys(environment).some((other) => other !== name && ofService.test(other));
  return isOfService && ofService.test(name) ? undefined : value;
}

/** A sentence for each LATCHKEY_ variable that nothing here reads; never its value, which may be a secret. */
export function unknownVariables(environment: Environment): readonly string[] {
  const known = [...Object.values(settings).map(({ env }): string => env), ...clientVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith('LATCHKEY_') && !known.includes(name) && !ofService.test(name))
    .sort()
    .map((name) => `${name} is no setting of Latchkey and is not used${suggestion(name, known)}`);
}

/** Of the environment's proxy, if there is one, and what is reached without it: by the names that grpc-js goes by too. */
export function proxyOf(environment: Environment): {
  readonly url: string | undefined;
  readonly except: string;
} {
  const { grpc_proxy, https_proxy, http_proxy, no_grpc_proxy, no_proxy } = environment;
  return {
    url: grpc_proxy || https_proxy || http_proxy || undefined,
    except: no_grpc_proxy || no_proxy || '',
  };
}

/**
 * Where `latchkey login` keeps URL and token; undefined: nobody's folder is known. XDG Base Directory Specification,
 * section 3: a path that is not absolute is none.
 */
export function loginPath({ XDG_CONFIG_HOME = '', HOME = '' }: Environment): string | undefined {
  const home = isAbsolute(HOME) ? join(HOME, '.config') : undefined;
  const folder = isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : home;
  return folder === undefined ? undefined : join(folder, 'latchkey', 'login.json');
}
