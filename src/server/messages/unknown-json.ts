import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { invalid } from './invalid.ts';
import { nestingMax, shapeOf } from './shape.ts';

/**
 * Whether a call that takes this message ignores what it does not know. The contract's calls do, since clients of other
 * versions send them; on our own, a name that is misspelt would do less than was asked.
 */
export function ignoresUnknown(input: DescMessage): boolean {
  return !input.file.proto.package.startsWith('latchkey.');
}

/**
 * Throws ConnectError InvalidArgument for the first field that the message does not have, or name that its enum does not
 * have, with its path: without the cause that was misspelt, a filter would find more than was meant.
 */
export function refuseUnknownJson(input: DescMessage, json: JsonValue): void {
  if (!ignoresUnknown(input)) walk(input, json, []);
}

/** The refusal of a name. It is quoted where it looks like one: what else stands in its place may be a secret. */
export function unknownField(input: DescMessage, path: readonly string[], where = 'JSON'): ConnectError {
  const name = path.join('.');
  const told = /^[\w.[\]$-]{1,200}$/.test(name) ? name : 'one whose name is none';
  const known = input.fields.map((field) => field.name).join(', ');
  const advice = known === '' ? 'there is none' : `there are ${known}`;
  return invalid(`${where}: unknown field ${told}: in ${input.name} ${advice}`);
}

function walk(desc: DescMessage, json: JsonValue, path: readonly string[]): void {
  // google.protobuf's own have forms of their own; what is no object, or nests deeper, is for the reader to refuse.
  if (path.length >= nestingMax || desc.file.proto.package === 'google.protobuf') return;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  const { byName } = shapeOf(desc);
  for (const [name, value] of Object.entries(json) as [string, JsonValue][]) {
    const field = byName.get(name);
    if (field === undefined) throw unknownField(desc, [...path, name]);
    if (field.enumNames !== undefined) requireNames(field.enumNames, value, [...path, name]);
    if (field.message === undefined || typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) {
        walk(field.message, element, [...path, `${name}[${index}]`]);
      }
    } else if (field.isMap) {
      for (const element of Object.values(value) as JsonValue[])
        walk(field.message, element, [...path, name]);
    } else walk(field.message, value, [...path, name]);
  }
}

// The value is not quoted: what stands in the wrong place may be a secret.
function requireNames(names: ReadonlySet<string>, json: JsonValue, path: readonly string[]): void {
  const values = typeof json === 'object' && json !== null ? Object.values(json) : [json];
  if (values.every((value) => typeof value !== 'string' || names.has(value))) return;
  throw invalid(`JSON: ${path.join('.')}: a name that is none: there are ${[...names].join(', ')}`);
}
