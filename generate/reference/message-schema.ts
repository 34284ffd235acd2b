import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';
import { getOption, hasOption } from '@bufbuild/protobuf';
import { oneof as oneofRules } from '../../gen/es/buf/validate/validate_pb.js';
import { descriptionOf } from './comment.ts';
import { fieldSchema, isWellKnown, limitsOf, type Schema } from './field-schema.ts';

/** The JSON form of a message; `without` are names of fields that stand elsewhere, in the path. */
export function messageSchema(desc: DescMessage, without: readonly string[] = []): Schema {
  const fields = desc.fields.filter(({ name }) => !without.includes(name));
  const required = fields.filter((field) => limitsOf(field).isRequired).map(({ jsonName }) => jsonName);
  const description = descriptionOf(desc);
  return {
    ...(description !== '' && { description }),
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.jsonName, fieldSchema(field)])),
    ...(required.length > 0 && { required }),
    ...choices(desc),
    ...(isStrict(desc) && { additionalProperties: false }),
  };
}

/** Names, as JSON has them. */
export function enumSchema(desc: DescEnum): Schema {
  const lines = desc.values.flatMap((value) => {
    const text = descriptionOf(value);
    return text === '' ? [] : [`${value.name}: ${text}`];
  });
  const description = [descriptionOf(desc), ...lines].filter((line) => line !== '').join('\n');
  return {
    ...(description !== '' && { description }),
    type: 'string',
    enum: desc.values.map(({ name }) => name),
  };
}

/** Calls of our own refuse what they do not know, by its name; the contract's ignore it. */
const isStrict = ({ file, name }: DescMessage): boolean =>
  file.proto.package.startsWith('latchkey.') && name.endsWith('Request');

/** At most one member of a oneof, and one of it at least where the rules say so. */
function choices(desc: DescMessage): Schema {
  if (desc.oneofs.length === 0) return {};
  const dependent = desc.oneofs.flatMap(({ fields: members }) =>
    members.map((member) => [member.jsonName, noneOf(members.filter((other) => other !== member))] as const),
  );
  const musts = desc.oneofs
    .filter(isRequired)
    .map((oneof) => Object.fromEntries([['if', noneOf(oneof.fields)], never]));
  if (musts.length > 1) throw new Error(`${desc.typeName}: two required oneofs are not provided for`);
  return { dependentSchemas: Object.fromEntries(dependent), ...musts[0] };
}

const never = ['then', false] as const;

const noneOf = (fields: readonly DescField[]): Schema => ({
  properties: Object.fromEntries(fields.map(({ jsonName }) => [jsonName, false])),
});

const isRequired = (oneof: DescOneof): boolean =>
  hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;

/** Every message and enum that is reached from these, themselves included, but for what JSON knows by itself. */
export function reachedFrom(roots: readonly DescMessage[]): readonly (DescMessage | DescEnum)[] {
  const found = new Map<string, DescMessage | DescEnum>();
  const open = [...roots];
  for (let desc = open.pop(); desc !== undefined; desc = open.pop()) {
    if (found.has(desc.typeName) || isWellKnown(desc)) continue;
    found.set(desc.typeName, desc);
    for (const field of desc.fields) {
      if (field.message !== undefined) open.push(field.message);
      if (field.enum !== undefined) found.set(field.enum.typeName, field.enum);
    }
  }
  return [...found.values()].sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
}
