import { create, createFileRegistry, createRegistry, type DescFile } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  file_google_protobuf_descriptor as ofDescriptors,
} from '@bufbuild/protobuf/wkt';

/** The same as protobuf's own `fileDesc` makes of the same descriptor; `text` is by `readyText`. */
export function readyFile(text: string, imports: readonly DescFile[] = []): DescFile {
  const proto: FileDescriptorProto & Undressed = JSON.parse(text);
  dress(proto);
  proto.dependency = imports.map((file) => file.proto.name);
  const registry = createFileRegistry(proto, (name) => imports.find((file) => file.proto.name === name));
  const file = registry.getFile(proto.name);
  if (file === undefined) throw new Error(`bug: ${proto.name} was not read`);
  return file;
}

const schemas = createRegistry(ofDescriptors);
const prototypes = new Map<string, object>();

/** A message as JSON has it. */
interface Undressed {
  readonly $typeName: string;
  readonly $unknown?: readonly { data: unknown }[];
}

/** A message has its defaults in its prototype, and bytes for what it does not know. */
function dress(message: Undressed): void {
  for (const value of Object.values(message)) {
    if (Array.isArray(value)) for (const one of value) if (isMessage(one)) dress(one);
    if (isMessage(value)) dress(value);
  }
  for (const field of message.$unknown ?? []) field.data = Buffer.from(String(field.data), 'base64');
  Object.setPrototypeOf(message, prototypeOf(message.$typeName));
}

function isMessage(value: unknown): value is Undressed {
  return typeof value === 'object' && value !== null && '$typeName' in value;
}

function prototypeOf(typeName: string): object {
  const known = prototypes.get(typeName);
  if (known !== undefined) return known;
  const schema = schemas.getMessage(typeName);
  if (schema === undefined) throw new Error(`bug: ${typeName} is no part of a descriptor`);
  const prototype: object = Object.getPrototypeOf(create(schema));
  prototypes.set(typeName, prototype);
  return prototype;
}
