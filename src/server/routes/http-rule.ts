import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  ScalarType,
} from '@bufbuild/protobuf';
import { http } from '../../../gen/es/google/api/annotations_pb.js';
import type { HttpRule } from '../../../gen/es/google/api/http_pb.js';
import { rest_status as restStatus } from '../../../gen/es/latchkey/v1/rest_pb.js';
import { findField, takesText } from '../messages/text-field.ts';
import { decodeVariable, parseTemplate, type TemplateVariable } from './path-template.ts';

/** A variable of a path template: the request field it fills, from the message's own field down. */
export interface RouteVariable {
  /** The dotted field name, as the template has it. */
  readonly name: string;
  readonly path: readonly DescField[];
  /** The name of the property to set where the field is a plain string of the request message itself. */
  readonly plainName: string | undefined;
}

/** One `google.api.http` binding of one method. */
export interface Route {
  readonly method: DescMethod;
  readonly verb: string;
  readonly template: string;
  readonly variables: readonly RouteVariable[];
  /** What the HTTP body fills: the whole request, one field of it, or nothing (query parameters fill the rest). */
  readonly body: '*' | DescField | undefined;
  /** The one field of the response that is answered, where `response_body` names one. */
  readonly responseBody: DescField | undefined;
  /** The HTTP status of a success. */
  readonly status: number;
}

/** What a path means. `fields` holds the decoded values of `route.variables`, in their order. */
export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly fields: readonly string[] }
  | { readonly kind: 'wrong-verb'; readonly allow: readonly string[] }
  | { readonly kind: 'bad-path'; readonly reason: string };

/** Finds the route of a request. */
export interface RouteTable {
  readonly routes: readonly Route[];
  /** `path` is the raw path, without the query. Answers undefined where no template has this path. */
  match(verb: string, path: string): RouteMatch | undefined;
}

/** A route with the place of its variables in the path. */
interface Leaf {
  readonly route: Route;
  readonly spans: readonly TemplateVariable[];
}

interface Branch {
  readonly literals: Map<string, Branch>;
  star: Branch | undefined;
  /** Where the path ends here. */
  leaf: Leaf | undefined;
  /** Where `**` takes whatever follows. */
  rest: Leaf | undefined;
}

/** The tries of one custom verb (mostly the empty one), by HTTP verb; `*` takes any verb. */
type SuffixTries = Map<string, Branch>;

/** The path under way: `starts` holds where each segment begins, and after the last one, the end plus one. */
interface Cursor {
  path: string;
  end: number;
  readonly starts: number[];
}

/**
 * Reads the routes off the methods' `google.api.http` and `latchkey.v1.rest_status` options. Throws where two of them
 * collide or one is malformed.
 */
export function compileRoutes(methods: readonly DescMethod[]): RouteTable {
  const tries = new Map<string, SuffixTries>([['', new Map()]]);
  const routes: Route[] = [];
  for (const method of methods) {
    if (!hasOption(method, http)) continue;
    const rule = getOption(method, http);
    for (const binding of [rule, ...rule.additionalBindings]) routes.push(addRoute(tries, method, binding));
  }
  // Custom verbs first: `/a/{x}:undo` is more literal than `/a/{x}`, whose variable may hold a colon.
  const bySuffix = [...tries].sort(([a], [b]) => b.length - a.length);
  const cursor: Cursor = { path: '', end: 0, starts: [] };
  return {
    routes,
    match(verb, path) {
      cursor.path = path;
      const leaf = findLeaf(bySuffix, cursor, verb);
      if (leaf !== undefined) return found(leaf, cursor);
      const allow = verbsOf(bySuffix, cursor);
      return allow.length === 0 ? undefined : { kind: 'wrong-verb', allow };
    },
  };
}

function addRoute(tries: Map<string, SuffixTries>, method: DescMethod, rule: HttpRule): Route {
  const { verb, template } = patternOf(method, rule);
  const { segments, variables, suffix } = parseTemplate(template);
  const route: Route = {
    method,
    verb,
    template,
    variables: variables.map(({ name }) => routeVariable(method.input, name)),
    body: rule.body === '*' ? '*' : ownField(method.input, rule.body),
    responseBody: ownField(method.output, rule.responseBody),
    status: statusOf(method),
  };
  const verbs: SuffixTries = tries.get(suffix) ?? new Map();
  tries.set(suffix, verbs);
  const root = verbs.get(verb) ?? emptyBranch();
  verbs.set(verb, root);
  plant(root, segments, { route, spans: variables });
  return route;
}

function plant(root: Branch, segments: readonly string[], leaf: Leaf): void {
  let branch = root;
  for (const segment of segments) {
    if (segment === '**') break;
    const next = (segment === '*' ? branch.star : branch.literals.get(segment)) ?? emptyBranch();
    if (segment === '*') branch.star = next;
    else branch.literals.set(segment, next);
    branch = next;
  }
  const end = segments.at(-1) === '**' ? 'rest' : 'leaf';
  const taken = branch[end];
  if (taken !== undefined) {
    const { verb, template, method } = leaf.route;
    throw new Error(`route ${verb} ${template} of ${method.name} is taken by ${taken.route.method.name}`);
  }
  branch[end] = leaf;
}

function emptyBranch(): Branch {
  return { literals: new Map(), star: undefined, leaf: undefined, rest: undefined };
}

function patternOf(method: DescMethod, rule: HttpRule): { verb: string; template: string } {
  const { pattern } = rule;
  if (pattern.case === undefined) throw new Error(`${method.name}: a google.api.http rule without a pattern`);
  if (pattern.case === 'custom')
    return { verb: pattern.value.kind.toUpperCase(), template: pattern.value.path };
  return { verb: pattern.case.toUpperCase(), template: pattern.value };
}

// RFC 9110 §15.3: beyond 203, a success has no body (204, 205) or a part of one (206).
function statusOf(method: DescMethod): number {
  if (!hasOption(method, restStatus)) return 200;
  const status = getOption(method, restStatus);
  if (status < 200 || status > 203)
    throw new Error(`${method.name}: rest_status ${status} is not 200 to 203`);
  return status;
}

function routeVariable(input: DescMessage, name: string): RouteVariable {
  const path = findField(input, name);
  const field = path?.at(-1);
  if (path === undefined || field === undefined || field.fieldKind === 'list' || !takesText(field)) {
    throw new Error(
      `path variable ${name}: ${input.typeName} has no single field of that name that takes a text`,
    );
  }
  const isPlain = path.length === 1 && field.scalar === ScalarType.STRING && field.oneof === undefined;
  return { name, path, plainName: isPlain ? field.localName : undefined };
}

function ownField(desc: DescMessage, name: string): DescField | undefined {
  if (name === '') return undefined;
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`google.api.http: ${desc.typeName} has no field ${name}`);
  return field;
}

function findLeaf(tries: readonly [string, SuffixTries][], cursor: Cursor, verb: string): Leaf | undefined {
  const { path } = cursor;
  if (path.charCodeAt(0) !== 0x2f) return undefined;
  for (const [suffix, verbs] of tries) {
    if (suffix !== '' && !path.endsWith(suffix)) continue;
    cursor.end = path.length - suffix.length;
    const leaf = walk(cursor, verbs.get(verb), 0, 0) ?? walk(cursor, verbs.get('*'), 0, 0);
    if (leaf !== undefined) return leaf;
  }
  return undefined;
}

/** Literal before variable before `**`, segment by segment, coming back where the better one leads nowhere. */
function walk(cursor: Cursor, branch: Branch | undefined, at: number, depth: number): Leaf | undefined {
  if (branch === undefined) return undefined;
  const { path, end, starts } = cursor;
  starts[depth] = at + 1;
  if (at === end && branch.leaf !== undefined) return branch.leaf;
  if (at < end) {
    const slash = path.indexOf('/', at + 1);
    const stop = slash === -1 ? end : slash;
    const literal = branch.literals.get(path.slice(at + 1, stop));
    const leaf = walk(cursor, literal, stop, depth + 1);
    if (leaf !== undefined) return leaf;
    // A variable never matches an empty segment: `//` is nobody's path.
    const wild = stop > at + 1 ? walk(cursor, branch.star, stop, depth + 1) : undefined;
    if (wild !== undefined) return wild;
  }
  starts[depth + 1] = end + 1;
  return branch.rest;
}

function found(leaf: Leaf, cursor: Cursor): RouteMatch {
  const fields: string[] = [];
  for (const { name, from, to, isMultiSegment } of leaf.spans) {
    const raw = cursor.path.slice(cursor.starts[from], (cursor.starts[to] ?? 0) - 1);
    const value = decodeVariable(raw, isMultiSegment);
    if (value === undefined) return { kind: 'bad-path', reason: `${name}: not percent-encoded UTF-8` };
    fields.push(value);
  }
  return { kind: 'found', route: leaf.route, fields };
}

function verbsOf(tries: readonly [string, SuffixTries][], cursor: Cursor): string[] {
  const verbs = new Set(tries.flatMap(([, byVerb]) => [...byVerb.keys()]));
  return [...verbs].filter((verb) => findLeaf(tries, cursor, verb) !== undefined).sort();
}
