/** The rows of the first table whose header cells are `header` (letter case aside), without header and rule. */
export function tableWithHeader(markdown: string, header: readonly string[]): string[][] | undefined {
  const lines = markdown.split('\n');
  const at = lines.findIndex((line) => sameCells(cells(line), header));
  if (at < 0) return undefined;
  const rest = lines.slice(at + 2);
  const end = rest.findIndex((line) => !line.trimStart().startsWith('|'));
  return (end < 0 ? rest : rest.slice(0, end)).map(cells);
}

const sameCells = (found: readonly string[], wanted: readonly string[]): boolean =>
  found.length === wanted.length && found.every((cell, index) => cell.toLowerCase() === wanted[index]);

function cells(line: string): string[] {
  const trimmed = line.trim();
  if (!trimmed.startsWith('|') || !trimmed.endsWith('|')) return [];
  return trimmed
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

/** The text without its fenced blocks. */
const withoutFences = (markdown: string): string => markdown.replace(/^(```|~~~)[\s\S]*?^\1.*$/gm, '');

/** Every `code span` outside of fenced blocks. */
export const codeSpans = (markdown: string): string[] =>
  [...withoutFences(markdown).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');

/** The target of every [link](target) outside of fenced blocks and code spans. */
export const linkTargets = (markdown: string): string[] =>
  [
    ...withoutFences(markdown)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)(?:\s[^)]*)?\)/g),
  ].map((match) => match[1] ?? '');

/** The anchors that the headings make, by the rule that code hosts share. */
export const anchors = (markdown: string): string[] =>
  [...withoutFences(markdown).matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
