import type { Call, Contract, Example, Parameter, Route } from './contract.ts';
import type { Request } from './snippets/request.ts';

/** Values for parameters, by name as the path has it, such as `user_id`. */
export type Ids = Readonly<Record<string, string>>;

// What an id looks like that may stand in a snippet: nothing in it means anything to a shell or a language.
const plainId = /^[\w.@:+/=-]{1,512}$/;
// What a server gives out: an id, or what is good for one call. Whatever else is in a body, such as a role or a password, no
// link may put into what people paste.
const givenOut = /(?:^|_)(?:id|token|code|generation|count)$/;

/** The values that the query of a page gives; a name that it does not know, or a value that is no id, counts as not given. */
export function idsOf(query: string): Ids {
  const found: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (/^[a-z_]{1,40}$/.test(name) && plainId.test(value)) found[name] = value;
  }
  return found;
}

/** What is asked for: one call, and what to put into its snippets. */
export interface Asked {
  readonly contract: Contract;
  readonly service: string;
  readonly call: Call;
  readonly ids: Ids;
  readonly origin: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What to put into the path and the query of a call's first route. */
export interface Filled {
  readonly route: Route | undefined;
  readonly parameters: readonly Parameter[];
  /** For each variable of the path. */
  readonly path: Ids;
  readonly request: Request;
  /** The whole message as JSON, for who sends no path and no query. */
  readonly message: string;
}

/** The call with the ids given, else those of its example, else its variables' own names in capitals. */
export function fill({ contract, service, call: recorded, ids, origin, now }: Asked): Filled {
  const call = { ...recorded, ...(recorded.example && { example: ahead(recorded.example, now) }) };
  const given = Object.fromEntries(Object.entries(ids).filter(([name]) => givenOut.test(name)));
  const [route] = call.routes;
  const parameters = route === undefined ? [] : contract.parameters(route);
  const names = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
  const fillIn = (name: string) => ids[name] ?? call.example?.path[name] ?? name.toUpperCase();
  const path: Ids = Object.fromEntries(names.map((name) => [name, fillIn(name)]));
  const target =
    route === undefined ? `/${service}/${call.name}` : targetOf(route.template, path, queryOf(call, given));
  const takesBody = route === undefined || route.body !== undefined;
  return {
    route,
    parameters,
    path,
    request: {
      verb: route?.verb ?? 'POST',
      url: `${origin}${target}`,
      body: takesBody ? JSON.stringify(bodyOf(call, given)) : undefined,
      needsToken: !service.startsWith('grpc.'),
    },
    message: JSON.stringify(messageOf(call, path, given)),
  };
}

const weekMs = 7 * 86_400_000;
const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** What was to come when the example was recorded is to come still: its message with each time that has passed a week from now. */
function ahead(example: Example, now: number): Example {
  const day = new Date(now + weekMs).toISOString().slice(0, 10);
  const move = (value: unknown): unknown => {
    if (typeof value === 'string')
      return isTime.test(value) && Date.parse(value) <= now ? `${day}T00:00:00Z` : value;
    if (Array.isArray(value)) return value.map(move);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, move(inner)]));
  };
  return { ...example, message: move(example.message), body: move(example.body) };
}

function targetOf(template: string, path: Ids, query: string): string {
  const target = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
  return query === '' ? target : `${target}?${query}`;
}

function queryOf({ example }: Call, given: Ids): string {
  const query = new URLSearchParams(example?.query);
  for (const name of query.keys()) {
    const id = given[snakeCase(name.split('.').at(-1) ?? '')];
    if (id !== undefined) query.set(name, id);
  }
  return query.toString();
}

/** The whole message where no path carries a part of it. */
function bodyOf({ example, routes }: Call, given: Ids): unknown {
  return withIds((routes.length === 0 ? example?.message : example?.body) ?? {}, given);
}

/** What the path holds stands in the message too, where there is no example of it. */
function messageOf({ example }: Call, path: Ids, given: Ids): unknown {
  const fromPath = Object.entries(path).map(([name, value]) => [camelCase(name), value]);
  return withIds(example?.message ?? Object.fromEntries(fromPath), { ...path, ...given });
}

/** Wherever in it they stand, by name. */
function withIds(value: unknown, ids: Ids): unknown {
  if (Array.isArray(value)) return value.map((one) => withIds(one, ids));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => {
    const id = typeof inner === 'string' ? ids[snakeCase(name)] : undefined;
    return [name, id ?? withIds(inner, ids)];
  });
  return Object.fromEntries(entries);
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
