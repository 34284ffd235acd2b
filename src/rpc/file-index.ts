import type { DescEnum, DescExtension, DescFile, DescMessage } from '@bufbuild/protobuf';

/** Finds proto files by what they hold. Names are full, without a leading dot. */
export interface FileIndex {
  /** By the import path, with `.proto`. */
  byName(name: string): DescFile | undefined;
  /** By a message, field, oneof, enum, enum value, extension, service or method. */
  bySymbol(symbol: string): DescFile | undefined;
  byExtension(extendee: string, number: number): DescFile | undefined;
  /** In ascending order, possibly none; undefined for a message that no file holds. */
  extensionNumbers(extendee: string): readonly number[] | undefined;
}

/** Indexes the files and all that they import. */
export function createFileIndex(files: readonly DescFile[]): FileIndex {
  const all = new Set(files);
  for (const file of all) for (const dependency of file.dependencies) all.add(dependency);
  const names = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const file of all) {
    names.set(file.proto.name, file);
    for (const symbol of fileSymbols(file)) symbols.set(symbol, file);
    for (const message of allMessages(file.messages)) mapOf(extensions, message.typeName);
    for (const { extendee, number } of allExtensions(file))
      mapOf(extensions, extendee.typeName).set(number, file);
  }
  return {
    byName: (name) => names.get(name),
    bySymbol: (symbol) => symbols.get(symbol),
    byExtension: (extendee, number) => extensions.get(extendee)?.get(number),
    extensionNumbers(extendee) {
      const numbers = extensions.get(extendee)?.keys();
      return numbers === undefined ? undefined : [...numbers].sort((a, b) => a - b);
    },
  };
}

function mapOf(extensions: Map<string, Map<number, DescFile>>, extendee: string): Map<number, DescFile> {
  const known = extensions.get(extendee) ?? new Map<number, DescFile>();
  extensions.set(extendee, known);
  return known;
}

function fileSymbols(file: DescFile): string[] {
  const messages = allMessages(file.messages);
  return [
    ...messages.flatMap(messageSymbols),
    ...[...file.enums, ...messages.flatMap((message) => message.nestedEnums)].flatMap(enumSymbols),
    ...allExtensions(file).map((extension) => extension.typeName),
    ...file.services.flatMap((service) => [
      service.typeName,
      ...service.methods.map((method) => `${service.typeName}.${method.name}`),
    ]),
  ];
}

function messageSymbols({ typeName, fields, oneofs }: DescMessage): string[] {
  return [typeName, ...[...fields, ...oneofs].map(({ name }) => `${typeName}.${name}`)];
}

/** The values of an enum are named beside it, not inside it. */
function enumSymbols({ typeName, values }: DescEnum): string[] {
  const scope = typeName.slice(0, typeName.lastIndexOf('.') + 1);
  return [typeName, ...values.map(({ name }) => scope + name)];
}

function allMessages(messages: readonly DescMessage[]): readonly DescMessage[] {
  return messages.flatMap((message) => [message, ...allMessages(message.nestedMessages)]);
}

function allExtensions(file: DescFile): readonly DescExtension[] {
  return [...file.extensions, ...allMessages(file.messages).flatMap((message) => message.nestedExtensions)];
}
