import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';
import { getDeclarationString } from '@bufbuild/protoplugin';
import { descriptionOf } from './comment.ts';

/** The message or enum as a `.proto` file has it, without options: what the binary dialects carry. */
export function protoText(desc: DescMessage | DescEnum): string {
  const lines =
    desc.kind === 'enum'
      ? desc.values.flatMap((value) => [...commentLines(value), `${getDeclarationString(value)};`])
      : desc.members.flatMap((member) => (member.kind === 'oneof' ? oneofLines(member) : fieldLines(member)));
  const head = `${desc.kind} ${desc.name} {`;
  return lines.length === 0 ? `${head}}` : [head, ...lines.map(indent), '}'].join('\n');
}

function oneofLines(oneof: DescOneof): string[] {
  const lines = oneof.fields.flatMap(fieldLines);
  return [...commentLines(oneof), `oneof ${oneof.name} {`, ...lines.map(indent), '}'];
}

const fieldLines = (field: DescField): string[] => [
  ...commentLines(field),
  `${getDeclarationString(field).replace(/ \[.*\]$/s, '')};`,
];

const commentLines = (desc: DescField | DescOneof | DescEnum['values'][number]): string[] =>
  descriptionOf(desc)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `// ${line}`);

const indent = (line: string): string => `  ${line}`;
