import { existsSync, readFileSync } from 'node:fs';
import { type DescMethod, fromJson, type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { Route } from '../../src/server/routes/http-rule.ts';

/** One call as it was made on a real server, and the answer to it. */
export interface Recorded {
  /** By the names of the variables of the first route. */
  readonly path: Readonly<Record<string, string>>;
  /** Without the question mark; empty where there is none. */
  readonly query: string;
  /** The whole request message, whatever part of it path and query carry. */
  readonly message: JsonObject;
  /** undefined: no body was sent. */
  readonly body?: JsonValue;
  readonly status: number;
  /** Of a stream, the first message. */
  readonly answer: JsonValue;
}

/** What was recorded, by `package.Service.Method`. */
export type Examples = Readonly<Record<string, Recorded>>;

export const examplesFile: URL = new URL('examples.json', import.meta.url);

/** What stands in examples.json, which record/main.ts writes. */
export function readExamples(): Examples {
  return existsSync(examplesFile) ? (JSON.parse(readFileSync(examplesFile, 'utf8')) as Examples) : {};
}

export const methodName = ({ parent, name }: DescMethod): string => `${parent.typeName}.${name}`;

/** What the page of a call shows of an example: the JSON, and the bytes of the binary dialects in hex. */
export interface Shown extends Omit<Recorded, 'message'> {
  readonly message: JsonObject;
  readonly messageHex: string;
  readonly answerHex: string;
}

/** Throws where the messages of today cannot read it: then it wants to be recorded anew. */
export function shownExample(method: DescMethod, recorded: Recorded): Shown {
  try {
    return {
      ...recorded,
      messageHex: hex(toBinary(method.input, fromJson(method.input, recorded.message))),
      answerHex: hex(toBinary(method.output, fromJson(method.output, recorded.answer))),
    };
  } catch (cause) {
    throw new Error(`${methodName(method)}: its example does not fit, record it anew`, { cause });
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The value of a parameter in the example of the first route; undefined where it has none. */
export function parameterExample(
  recorded: Recorded | undefined,
  route: Route,
  name: string,
): string | undefined {
  if (recorded === undefined) return undefined;
  if (route.variables.some((variable) => variable.name === name)) return recorded.path[name];
  return new URLSearchParams(recorded.query).get(name) ?? undefined;
}
