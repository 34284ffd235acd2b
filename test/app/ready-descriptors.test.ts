import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescField, type DescFile, type DescMessage, getOption, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import { http } from '../../gen/es/google/api/annotations_pb.js';
import { readyText } from '../../generate/lighter/descriptors.ts';
import { readyFile } from '../../generate/lighter/ready-file.ts';

const generated = join(import.meta.dirname, '../../gen/es');
const paths = readdirSync(generated, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('_pb.js'),
);

describe('a descriptor that was read when the program was built', () => {
  test.each(paths)('is the one that %s reads when it is loaded', async (path) => {
    const module: Record<string, unknown> = await import(join(generated, path));
    const read = Object.values(module).find(isFile);
    if (read === undefined) throw new Error('the module has no file');
    const made = readyFile(readyText(base64In(path)), read.dependencies);
    expect(Buffer.from(toBinary(FileDescriptorProtoSchema, made.proto))).toEqual(
      Buffer.from(toBinary(FileDescriptorProtoSchema, read.proto)),
    );
    expect(made.dependencies).toEqual(read.dependencies);
    expect(contentsOf(made)).toEqual(contentsOf(read));
  });

  test('has options that are read as those of the other', async () => {
    const { file_zitadel_user_v2_user_service: read } = await import(
      '../../gen/es/zitadel/user/v2/user_service_pb.js'
    );
    const made = readyFile(readyText(base64In('zitadel/user/v2/user_service_pb.js')), read.dependencies);
    const rulesOf = ({ services }: DescFile) =>
      services.flatMap(({ methods }) => methods.map((method) => getOption(method, http)));
    expect(rulesOf(made)).toHaveLength(read.services[0]?.methods.length ?? 0);
    expect(rulesOf(made)).toEqual(rulesOf(read));
  });
});

function base64In(path: string): string {
  const found = /fileDesc\("([^"]+)"/.exec(readFileSync(join(generated, path), 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${path} has no descriptor`);
  return found;
}

function isFile(value: unknown): value is DescFile {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file';
}

function contentsOf({ name, edition, messages, services, enums, extensions }: DescFile) {
  return {
    name,
    edition,
    messages: messages.map(messageOf),
    services: services.map(({ typeName, methods }) => ({
      typeName,
      methods: methods.map(({ name: method, localName, methodKind, idempotency, input, output }) => ({
        ...{ method, localName, methodKind, idempotency },
        ...{ input: input.typeName, output: output.typeName },
      })),
    })),
    enums: enums.map(({ typeName, open, values }) => ({
      ...{ typeName, open },
      values: values.map(({ number, localName, jsonName }) => ({ number, localName, jsonName })),
    })),
    extensions: extensions.map(({ typeName, extendee, number }) => ({
      ...{ typeName, number },
      extendee: extendee.typeName,
    })),
  };
}

interface Contents {
  readonly typeName: string;
  readonly fields: readonly object[];
  readonly oneofs: readonly object[];
  readonly nested: readonly Contents[];
}

function messageOf({ typeName, fields, oneofs, nestedMessages }: DescMessage): Contents {
  return {
    typeName,
    fields: fields.map(fieldOf),
    oneofs: oneofs.map(({ localName, fields: members }) => ({
      localName,
      members: members.map(({ name }) => name),
    })),
    nested: nestedMessages.map(messageOf),
  };
}

/** All that it says of itself; what it only points to, by name. */
function fieldOf(field: DescField) {
  const plain = Object.entries(field).filter(([, value]) => !['object', 'function'].includes(typeof value));
  return { ...Object.fromEntries(plain), message: field.message?.typeName, enum: field.enum?.typeName };
}
