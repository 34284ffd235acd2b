import type { Contract } from './contract.ts';
import { html, inline, prose } from './html.ts';
import { layout, table } from './layout.ts';

/** Every call, by service. */
export function indexPage({ services }: Contract): string {
  return layout(
    'Every call',
    html`<h1>Every call</h1>
${services.map(
  ({ name, description, calls }) => html`<h2 id="${name}"><code>${name}</code></h2>
${prose(description)}${table(
  ['call', 'REST', 'what it does'],
  calls.map((call) => [
    html`<a href="/docs/${name}.${call.name}">${call.name}</a>`,
    html`${call.routes.map(({ verb, template }) => html`<code>${verb} ${template}</code><br>`)}`,
    html`${inline(firstSentence(call.description))}`,
  ]),
)}`,
)}`,
  );
}

const firstSentence = (text: string): string => /^.*?[.](?=\s|$)/s.exec(text)?.[0] ?? text;

/** What is said where there is no such page. */
export function missingPage(): string {
  return layout('No such page', html`<h1>No such page</h1><p><a href="/docs/">All calls</a></p>`);
}
