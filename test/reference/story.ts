import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { routesOf } from '../../generate/reference/document.ts';
import { readExamples } from '../../generate/reference/example.ts';
import { buildImage, servicesOf } from '../../generate/reference/image.ts';
import { createRecorder, type Recorder } from '../../generate/reference/record/recorder.ts';
import { tellStory } from '../../generate/reference/record/story.ts';
import type { Demo } from './demo.ts';
import { type Host, startHost } from './host.ts';
import { printedSnippet } from './snippets.ts';

/** What the server of a story is made of. */
export type Services = ReturnType<typeof servicesOf>;

export async function readServices(root: string): Promise<Services> {
  return servicesOf(await buildImage(root));
}

interface Told {
  readonly demo: Demo;
  readonly folder: string;
  readonly services: Services;
  /** Of the language. */
  readonly name: string;
}

/**
 * The story from which the examples come, told again by the snippets of one language: each as the page prints it, with
 * the ids of this server, and each finds what it needs. Answers how many ran. Throws with what was printed where one does
 * not succeed.
 */
export async function tellBySnippets({ demo, folder, services, name }: Told): Promise<number> {
  const beside = createRecorder({ ...demo, services, routes: routesOf(services) });
  const unary = new Set(
    services.flatMap(({ typeName, methods }) =>
      methods.filter((each) => each.methodKind === 'unary').map((each) => `${typeName}.${each.name}`),
    ),
  );
  const ran = new Set<string>();
  await using host = await startHost(folder, name, { LATCHKEY_TOKEN: demo.token, GO111MODULE: 'off' });
  const recorder: Recorder = {
    ...beside,
    async call(call, message) {
      if (!unary.has(call)) return {};
      if (ran.has(call)) return beside.prepare(call, message);
      ran.add(call);
      return runPrinted({ demo, host, name }, call, message);
    },
  };
  await tellStory(recorder);
  const missing = [...unary].filter((call) => !ran.has(call));
  if (missing.length > 0) throw new Error(`not in the story: ${missing.join(', ')}`);
  return ran.size;
}

const examples = readExamples();

interface Place {
  readonly demo: Demo;
  readonly host: Host;
  readonly name: string;
}

async function runPrinted(
  { demo, host, name }: Place,
  call: string,
  message: JsonObject,
): Promise<JsonObject> {
  const ids = new URLSearchParams(differences(examples[call]?.message, message));
  const snippet = await printedSnippet(demo, `${call}?${ids}`, name);
  for (const id of ids.values()) {
    if (!snippet.includes(id)) throw new Error(`${call}: the page does not take ${id}\n${snippet}`);
  }
  return answerOf(call, await host.run(snippet));
}

/** What stands elsewhere in the example, by the names that the page has for it. */
function differences(example: JsonValue | undefined, message: JsonValue, field = ''): [string, string][] {
  if (typeof message === 'object' && message !== null) {
    const before = (typeof example === 'object' && example !== null ? example : {}) as Record<
      string,
      JsonValue
    >;
    return Object.entries(message).flatMap(([name, value]) =>
      differences(before[name], value, Array.isArray(message) ? field : name),
    );
  }
  // A page has times of its own.
  if (example === message || /^\d{4}-\d\d-\d\dT/.test(String(message))) return [];
  const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [[name, String(message)]];
}

/** Every language prints the status before the answer, but for curl and grpcurl, whose failures say so. */
function answerOf(call: string, said: string): JsonObject {
  const [, status = '200', json = ''] =
    /^(?:HTTP\/\S+ )?(?:(\d{3})\b[^{]*)?(\{.*\})\s*$/s.exec(said.trim()) ?? [];
  if (!status.startsWith('2') || json === '' || /^\{"code":\d/.test(json))
    throw new Error(`${call}: ${said}`);
  return JSON.parse(json) as JsonObject;
}
