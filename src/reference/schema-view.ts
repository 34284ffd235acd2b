import type { Contract, Parameter, Schema } from './contract.ts';
import { type Html, html, prose } from './html.ts';
import { all, table } from './layout.ts';

/** The table of path or query parameters. */
export function parametersTable(parameters: readonly Parameter[]): Html {
  return table(
    ['name', 'type', 'rules', 'what it is'],
    parameters.map(({ name, schema, required = false, description = '' }) => [
      html`<code>${name}</code>`,
      typeName(schema),
      html`${rules(schema, required)}`,
      html`${prose(description)}`,
    ]),
  );
}

/** The JSON form of a type, and of every type in it, each under a heading that links lead to. */
export function schemaSections(contract: Contract, root: string): Html {
  return all(reached(contract, root).map((name) => section(name, contract.schema(name))));
}

function section(name: string, schema: Schema): Html {
  const { properties = {}, required = [], description = '' } = schema;
  const isEnum = schema.enum !== undefined;
  const fields = Object.entries(properties);
  return html`<section aria-labelledby="${name}"><h3 id="${name}"><code>${name}</code></h3>
${isEnum ? enumList(schema.enum ?? [], description) : html`${prose(description)}`}
${fields.length > 0 ? fieldsTable(fields, required) : undefined}${fields.length === 0 && !isEnum ? html`<p>No fields: <code>{}</code>.</p>` : undefined}
</section>
`;
}

// The description of an enum has a line for each value that has a comment.
function enumList(names: readonly string[], description: string): Html {
  const lines = description.split('\n');
  const isOfValue = (line: string) => names.some((name) => line.startsWith(`${name}: `));
  return html`${prose(lines.filter((line) => !isOfValue(line)).join('\n'))}<ul>${names.map((name) => {
    const text = lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    return html`<li><code>${name}</code>${text === undefined ? '' : ` – ${text}`}</li>\n`;
  })}</ul>`;
}

function fieldsTable(fields: readonly (readonly [string, Schema])[], required: readonly string[]): Html {
  return table(
    ['field', 'type', 'rules', 'what it is'],
    fields.map(([name, schema]) => [
      html`<code>${name}</code>`,
      typeName(schema),
      html`${rules(schema, required.includes(name))}`,
      html`${prose(schema.description ?? '')}`,
    ]),
  );
}

function typeName(schema: Schema): Html {
  const ref = refOf(schema);
  if (ref !== undefined) return html`<a href="#${ref}"><code>${ref.split('.').at(-1)}</code></a>`;
  if (schema.type === 'array') return html`list of ${typeName(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === 'object')
    return html`map of text to ${typeName(schema.additionalProperties)}`;
  const detail = schema.format ?? schema.contentEncoding;
  return html`${schema.type ?? 'anything'}${detail === undefined ? '' : ` (${detail})`}`;
}

function rules(schema: Schema, isRequired: boolean): string {
  const { minLength, maxLength, minimum, maximum, maxItems, pattern, format } = schema;
  const said = [
    isRequired ? 'required' : undefined,
    lengthRule(minLength, maxLength),
    minimum === undefined || maximum === undefined ? undefined : `${minimum} to ${maximum}`,
    maxItems === undefined ? undefined : `${maxItems} at most`,
    format === undefined ? pattern : undefined,
  ];
  return said.filter((rule) => rule !== undefined).join(', ');
}

function lengthRule(min: number | undefined, max: number | undefined): string | undefined {
  if (min !== undefined && min === max) return `${min} characters`;
  if (min !== undefined && max !== undefined) return `${min} to ${max} characters`;
  if (max !== undefined) return `${max} characters at most`;
  return min === undefined ? undefined : `${min} characters at least`;
}

function refOf({ $ref }: Schema): string | undefined {
  return $ref?.replace('#/components/schemas/', '');
}

/** The type, then each that it leads to, in the order in which a reader meets them. */
function reached(contract: Contract, root: string): readonly string[] {
  const found = new Set<string>();
  const open = [root];
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    if (found.has(name)) continue;
    found.add(name);
    const { properties = {} } = contract.schema(name);
    for (const schema of Object.values(properties)) open.push(...refsIn(schema));
  }
  return [...found];
}

function refsIn(schema: Schema): readonly string[] {
  const own = refOf(schema);
  if (own !== undefined) return [own];
  const inner = [schema.items, schema.additionalProperties].filter((one) => typeof one === 'object');
  return inner.flatMap(refsIn);
}
