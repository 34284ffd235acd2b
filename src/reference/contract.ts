import { readFileSync } from 'node:fs';

/** A schema of the document, as far as a page shows it. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly contentEncoding?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Example {
  readonly path: Readonly<Record<string, string>>;
  readonly query: string;
  readonly message: unknown;
  readonly body?: unknown;
  readonly status: number;
  readonly answer: unknown;
  readonly messageHex: string;
  readonly answerHex: string;
}

export interface Route {
  readonly verb: string;
  readonly template: string;
  readonly operationId: string;
  readonly status: number;
  /** The component that the body is; undefined: no body. */
  readonly body?: string;
}

export interface Call {
  readonly name: string;
  readonly kind: 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';
  readonly description: string;
  readonly permission?: string;
  readonly errorIds: readonly string[];
  readonly deprecated?: boolean;
  readonly input: string;
  readonly output: string;
  readonly routes: readonly Route[];
  readonly example?: Example;
}

export interface Service {
  readonly name: string;
  readonly description: string;
  readonly calls: readonly Call[];
}

export interface Type {
  /** As a `.proto` file has it. */
  readonly proto: string;
  /** The types that it names. */
  readonly uses: readonly string[];
  /** Where the document does not hold it. */
  readonly schema?: Schema;
}

interface Operation {
  readonly parameters: readonly Parameter[];
}

/** All that is generated from the protos. */
export interface Contract {
  /** The document's text, without its first brace: it goes on behind `servers`. */
  readonly rest: string;
  readonly services: readonly Service[];
  readonly types: Readonly<Record<string, Type>>;
  schema(typeName: string): Schema;
  parameters(route: Route): readonly Parameter[];
}

/** Reads what the generator wrote. Throws where it is missing. */
export function readContract(): Contract {
  const document = parseDocument(read('openapi.json'));
  const { services, types } = parseCalls(read('calls.json'));
  return {
    rest: JSON.stringify(document).slice(1),
    services,
    types,
    schema: (typeName) => document.components.schemas[typeName] ?? types[typeName]?.schema ?? {},
    parameters: ({ template, verb }) => document.paths[template]?.[verb.toLowerCase()]?.parameters ?? [],
  };
}

// Two folders above in the source, and in the package, where all of it is in dist/.
function read(name: string): string {
  return readFileSync(new URL(`../../gen/openapi/${name}`, import.meta.url), 'utf8');
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

function parseDocument(text: string): Document {
  return JSON.parse(text) as Document;
}

type Calls = Pick<Contract, 'services' | 'types'>;

function parseCalls(text: string): Calls {
  return JSON.parse(text) as Calls;
}
