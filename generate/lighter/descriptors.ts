import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { protoCamelCase } from '@bufbuild/protobuf/reflect';
import { type DescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/**
 * The descriptor in the generated code is a protobuf message in base64, and to read it is a third of a start. Here it is
 * read, and written as the JSON of the object that it becomes, which `JSON.parse` makes natively.
 */
export const readyDescriptors = {
  name: 'ready descriptors',
  setup(build: import('esbuild').PluginBuild) {
    const reader = join(import.meta.dirname, 'ready-file.ts');
    // Those of @bufbuild/protobuf itself are few, small, and loaded before what reads the others.
    build.onLoad({ filter: /\/(gen|protovalidate|cel-spec)\/.*_pb\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const ready = text.replace(/\bfileDesc\("([^"]+)"/, (_, base64) => {
        return `readyFile(${JSON.stringify(readyText(base64))}`;
      });
      const contents = `${ready}\nimport { readyFile } from ${JSON.stringify(reader)};`;
      return { contents, loader: 'js' as const };
    });
  },
};

/** What `readyFile` reads: the own properties of the message, bytes in base64. */
export function readyText(base64: string): string {
  // No Buffer, of which JSON makes an object before anybody is asked.
  const file = fromBinary(FileDescriptorProtoSchema, Uint8Array.from(Buffer.from(base64, 'base64')));
  for (const message of file.messageType) nameForJson(message);
  return JSON.stringify(file, (_, value) =>
    ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : value,
  );
}

/** The generated code leaves out the names in JSON that follow from the names. */
function nameForJson({ field: fields, nestedType }: DescriptorProto): void {
  for (const field of fields)
    if (!Object.hasOwn(field, 'jsonName')) field.jsonName = protoCamelCase(field.name);
  for (const message of nestedType) nameForJson(message);
}
