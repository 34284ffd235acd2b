import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { languages } from '../../src/reference/snippets/languages.ts';
import type { Demo } from './demo.ts';
import { has, run } from './tools.ts';

/** What a language needs on the machine; the rest of them are run by their own `command`. */
const programs: Readonly<Record<string, string>> = {
  curl: 'curl',
  Python: 'python3',
  Go: 'go',
  'Node.js': 'node',
  Ruby: 'ruby',
  'C#': 'mcs',
  PHP: 'php',
  Java: 'java',
  PowerShell: 'pwsh',
  gRPC: 'grpcurl',
};

/** What the pages show beside the languages. */
export const grpc = { name: 'gRPC', file: 'call.sh', command: 'sh call.sh' };

// Where nothing in Go was compiled before, its library is.
const timeoutMs = 240_000;

/** The languages that this machine has, and those that it lacks. */
export async function languagesHere(): Promise<{
  readonly here: readonly string[];
  readonly missing: readonly string[];
}> {
  const names = [...languages, grpc].map(({ name }) => name);
  const found = await Promise.all(names.map((name) => has(programs[name] ?? name)));
  return {
    here: names.filter((_, index) => found[index]),
    missing: names.filter((_, index) => !found[index]),
  };
}

/** The snippet of one language, as the page of a call prints it. */
export async function printedSnippet({ url }: Demo, call: string, language: string): Promise<string> {
  const page = await (await fetch(new URL(`/docs/${call}`, url))).text();
  const name = language.replace('&', '&amp;');
  const at = page.indexOf(`<summary>${name}</summary>`);
  const code = /<code>(.*?)<\/code>/s.exec(page.slice(at))?.[1];
  if (at === -1 || code === undefined) throw new Error(`${call} has no snippet in ${language}`);
  return unescaped(code);
}

function unescaped(html: string): string {
  const marks = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' } as const;
  return html.replace(/&(?:lt|gt|quot|#39|amp);/g, (mark) => marks[mark as keyof typeof marks]);
}

export interface Snippet {
  /** Of the language. */
  readonly name: string;
  readonly snippet: string;
}

/** Runs it from a file, as its page says; answers what it printed. */
export async function runSnippet(demo: Demo, folder: string, snippet: Snippet): Promise<string> {
  const { command, env } = await place(demo, folder, snippet);
  return run('sh', ['-c', command], { cwd: folder, env, timeoutMs });
}

/** The same for one that goes on by itself: stopped after the first message that it prints; answers what it printed. */
export async function firstPrinted(demo: Demo, folder: string, snippet: Snippet): Promise<string> {
  const { command, env } = await place(demo, folder, snippet);
  // A group of its own: `go run` starts another process.
  const child = spawn('sh', ['-c', command], {
    cwd: folder,
    env: { ...process.env, ...env },
    detached: true,
  });
  const stop = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  const timer = setTimeout(stop, timeoutMs);
  process.once('exit', stop);
  let said = '';
  try {
    for await (const text of child.stdout.setEncoding('utf8')) {
      said += text;
      if (/\{.*\}/s.test(said)) return said;
    }
    throw new Error(`no message: ${said}`);
  } finally {
    clearTimeout(timer);
    process.off('exit', stop);
    if (child.exitCode === null && child.signalCode === null) stop();
  }
}

async function place({ token }: Demo, folder: string, { name, snippet }: Snippet) {
  const language = [...languages, grpc].find((each) => each.name === name);
  if (language === undefined) throw new Error(`there is no ${name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, language.file), snippet);
  return { command: language.command, env: { LATCHKEY_TOKEN: token, GO111MODULE: 'off' } };
}
