import { binaryView } from './binary-view.ts';
import type { Call, Contract } from './contract.ts';
import { errorTable } from './error-table.ts';
import { type Asked, type Filled, fill } from './fill.ts';
import { type Html, html, inline, prose } from './html.ts';
import { code, layout } from './layout.ts';
import { parametersTable, schemaSections } from './schema-view.ts';
import { snippetViews } from './snippet-view.ts';

/** Everything about one call. */
export function callPage(asked: Asked): string {
  const { contract, service, call } = asked;
  const filled = fill(asked);
  const { permission = 'none' } = call;
  return layout(
    call.name,
    html`<p><code>${service}</code></p>
<h1>${call.name}</h1>
${call.deprecated ? html`<p><strong>Deprecated.</strong></p>` : undefined}${prose(call.description)}
<dl>
<dt>Permission</dt><dd>${inline(permission)}</dd>
${call.routes.map(({ verb, template }) => html`<dt>REST</dt><dd><code>${verb} ${template}</code></dd>\n`)}<dt>gRPC, gRPC-Web, Connect</dt><dd><code>POST /${service}/${call.name}</code>${call.kind === 'unary' ? '' : ` (${call.kind.replace('_', ' ')})`}</dd>
</dl>
<h2 id="snippets">Call it</h2>
${idForm(filled)}${snippetViews(asked, filled)}
${parameterSections(filled)}<h2 id="json">${jsonType(call)}</h2>
${jsonView(contract, call, filled)}<h2 id="grpc">application/grpc</h2>
${binaryView(contract, call, 'application/grpc')}<h2 id="grpc-web">application/grpc-web+proto</h2>
${binaryView(contract, call, 'application/grpc-web+proto')}<h2 id="errors">Errors</h2>
${errorTable(call)}`,
  );
}

const jsonType = ({ kind }: Call): string =>
  kind === 'unary' ? 'application/json' : 'application/connect+json';

/** A form that sends the page to itself: no script is needed to put other ids into the snippets. */
function idForm({ path }: Filled): Html | undefined {
  const names = Object.entries(path);
  if (names.length === 0) return undefined;
  return html`<form method="get">${names.map(
    ([name, value]) => html`<label>${name} <input name="${name}" value="${value}" maxlength="200"></label>`,
  )}<button>Put into the snippets</button></form>
`;
}

function parameterSections({ parameters }: Filled): Html[] {
  return (['path', 'query'] as const).flatMap((place) => {
    const those = parameters.filter((parameter) => parameter.in === place);
    if (those.length === 0) return [];
    return [
      html`<h2 id="${place}">In the ${place}</h2>
${parametersTable(those)}`,
    ];
  });
}

function jsonView(contract: Contract, call: Call, { route }: Filled): Html {
  const body = route === undefined ? call.input : route.body;
  const { example } = call;
  const sent = route === undefined ? example?.message : example?.body;
  return html`${
    body === undefined
      ? html`<p>No body is sent.</p>`
      : html`<h3>What is sent</h3>
${sent === undefined ? undefined : code(pretty(sent))}${schemaSections(contract, body)}`
  }<h3>What is answered</h3>
${example === undefined ? undefined : html`<p>${route === undefined ? 200 : route.status}, for example:</p>${code(pretty(example.answer))}`}${schemaSections(contract, call.output)}`;
}

const pretty = (value: unknown): string => JSON.stringify(value, undefined, 2);
