import type { DescMethod, DescService, JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Route } from '../../../src/server/routes/http-rule.ts';
import { type Examples, methodName, type Recorded } from '../example.ts';
import { firstMessage } from './first-message.ts';

/** Makes calls on a real server and keeps what was sent and answered. */
export interface Recorder {
  /** Calls `package.Service.Method` by its first route, or as an RPC where it has none; answers what came, of a stream the first message. Throws where the call fails. */
  call(name: string, message: JsonObject): Promise<JsonObject>;
  /** The same, without being kept: what the next example needs. */
  prepare(name: string, message: JsonObject): Promise<JsonObject>;
  readonly examples: Examples;
}

export interface RecorderOptions {
  readonly url: string;
  readonly token: string;
  readonly services: readonly DescService[];
  readonly routes: readonly Route[];
}

const timeoutMs = 60_000;

export function createRecorder({ url, token, services, routes }: RecorderOptions): Recorder {
  const examples: Record<string, Recorded> = {};
  const methods = new Map(
    services.flatMap((service) => service.methods.map((each) => [methodName(each), each])),
  );
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

  async function send(method: DescMethod, { target, verb, body }: Prepared): Promise<JsonObject> {
    const at = new URL(target, url);
    if (method.methodKind === 'server_streaming') return firstMessage(at, headers, body ?? {});
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(at, {
      method: verb,
      headers,
      ...text,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const json = parseObject(await answer.text());
    if (!answer.ok) throw new Error(`${methodName(method)}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
  }

  async function make(
    name: string,
    message: JsonObject,
  ): Promise<Recorded & { readonly answer: JsonObject }> {
    const method = methods.get(name);
    if (method === undefined) throw new Error(`there is no call ${name}`);
    const route = routes.find((each) => each.method === method);
    const prepared = prepare(method, route, message);
    const { path, query, body } = prepared;
    const answer = await send(method, prepared);
    const status = route?.status ?? 200;
    return { path, query, message, ...(route?.body !== undefined && { body: body ?? {} }), status, answer };
  }

  return {
    examples,
    async call(name, message) {
      const recorded = await make(name, message);
      examples[name] ??= recorded;
      return recorded.answer;
    },
    prepare: async (name, message) => (await make(name, message)).answer,
  };
}

interface Prepared {
  readonly verb: string;
  readonly target: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: string;
  readonly body: JsonObject | undefined;
}

/** The message, taken apart as the route wants it. */
function prepare(method: DescMethod, route: Route | undefined, message: JsonObject): Prepared {
  if (route === undefined) {
    const target = `/${method.parent.typeName}/${method.name}`;
    return { verb: 'POST', target, path: {}, query: '', body: message };
  }
  const rest = { ...message };
  const path: Record<string, string> = {};
  for (const { name, path: fields } of route.variables) {
    const key = fields[0]?.jsonName ?? '';
    path[name] = String(rest[key]);
    delete rest[key];
  }
  const filled = route.template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? ''),
  );
  if (route.body !== undefined) return { verb: route.verb, target: filled, path, query: '', body: rest };
  const query = new URLSearchParams(parametersOf(rest)).toString();
  const target = query === '' ? filled : `${filled}?${query}`;
  return { verb: route.verb, target, path, query, body: undefined };
}

function parametersOf(value: JsonObject, above = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]): [string, string][] => {
    if (Array.isArray(inner)) return inner.map((one) => [`${above}${name}`, String(one)]);
    if (typeof inner === 'object' && inner !== null) return parametersOf(inner, `${above}${name}.`);
    return [[`${above}${name}`, String(inner)]];
  });
}

function parseObject(text: string): JsonObject {
  const value = JSON.parse(text) as JsonValue;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`no object: ${text}`);
  return value;
}
