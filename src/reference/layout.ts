import { Html, html } from './html.ts';

/** A whole page. */
export function layout(title: string, main: Html): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Latchkey</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header><nav aria-label="Reference"><a href="/docs/">All calls</a> <a href="/openapi.json">OpenAPI document</a></nav></header>
<main>
${main}
</main>
</body>
</html>
`;
  return page.text;
}

/** A table with a heading for each column. */
export function table(heads: readonly string[], rows: readonly (readonly Html[])[]): Html {
  return html`<div class="wide" role="group" tabindex="0"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>
`;
}

/** Text as it is typed. */
export function code(text: string): Html {
  return html`<pre tabindex="0"><code>${text}</code></pre>
`;
}

/** Several pieces, one after the other. */
export function all(pieces: readonly Html[]): Html {
  return new Html(pieces.map(({ text }) => text).join(''));
}

export const style = `
:root { color-scheme: light dark; --line: light-dark(#ccd2d8, #444c55); --soft: light-dark(#f3f5f7, #1c2228);
  --text: light-dark(#15202b, #e6ebf0); --link: light-dark(#0b57a4, #8cc4ff); --back: light-dark(#fff, #12171c); }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
header, main { max-width: 62rem; margin: 0 auto; padding: 0.75rem 1rem; }
header { border-bottom: 1px solid var(--line); }
nav a { margin-right: 1rem; }
a { color: var(--link); }
h1 { margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.25rem 0 0.25rem; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
code { overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 0.75rem; background: var(--soft); border: 1px solid var(--line); border-radius: 4px; }
pre code { overflow-wrap: normal; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line); }
td:first-child code { overflow-wrap: normal; }
td p { margin: 0 0 0.25rem; }
dt { font-weight: 600; }
dd { margin: 0 0 0.5rem; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; padding: 0.25rem 0; font-weight: 600; }
label { display: inline-block; margin: 0 1rem 0.5rem 0; }
input { font: inherit; width: 16rem; max-width: 100%; padding: 0.25rem 0.4rem; }
button { font: inherit; padding: 0.25rem 0.8rem; }
`;
