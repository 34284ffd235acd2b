import type { Asked, Filled } from './fill.ts';
import { type Html, html } from './html.ts';
import { code } from './layout.ts';
import { shellQuoted } from './snippets/curl.ts';
import { languages } from './snippets/languages.ts';
import { type Request, tokenVariable } from './snippets/request.ts';

/** The call in every language, the first one open; browsers keep one of them open at a time. */
export function snippetViews({ call, service, origin }: Asked, { request, message }: Filled): Html {
  const grpc = snippetView('gRPC', grpcurl(`${service}/${call.name}`, message, request, origin), false);
  if (call.kind === 'bidi_streaming') return html`${tokenNote(request)}${grpc}`;
  const views = languages.flatMap((language, index) => {
    const text = call.kind === 'unary' ? language.snippet(request) : language.stream?.(request);
    return text === undefined ? [] : [snippetView(language.name, text, index === 0)];
  });
  return html`${tokenNote(request)}${views}${grpc}`;
}

function tokenNote({ needsToken }: Request): Html | undefined {
  if (!needsToken) return undefined;
  return html`<p>The token is taken from the environment: <code>export ${tokenVariable}=…</code></p>
`;
}

function snippetView(name: string, text: string, isOpen: boolean): Html {
  const summary = html`<summary>${name}</summary>
${code(text)}</details>
`;
  return isOpen ? html`<details name="language" open>${summary}` : html`<details name="language">${summary}`;
}

/** The server answers reflection, so no schema is needed. */
function grpcurl(call: string, message: string, { needsToken }: Request, origin: string): string {
  const isPlain = origin.startsWith('http:');
  const { hostname, port } = new URL(origin);
  const parts = [
    `grpcurl${isPlain ? ' -plaintext' : ''}`,
    ...(needsToken ? [`-H "Authorization: Bearer $${tokenVariable}"`] : []),
    ...(message === '{}' ? [] : [`-d ${shellQuoted(message)}`]),
    `${shellQuoted(`${hostname}:${port === '' ? (isPlain ? 80 : 443) : port}`)} ${call}`,
  ];
  return parts.join(' \\\n  ');
}
