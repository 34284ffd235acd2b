import { writeFileSync } from 'node:fs';
import { openDemoServer } from '../../../src/app/demo-server.ts';
import { routesOf } from '../document.ts';
import { examplesFile, methodName } from '../example.ts';
import { buildImage, servicesOf } from '../image.ts';
import { createRecorder } from './recorder.ts';
import { tellStory } from './story.ts';

// Writes examples.json: every call, made on a server that lives as long as this takes. For a new call, a line in story.ts.
const services = servicesOf(await buildImage());
await using server = await openDemoServer([], 'nobody signs in with it');
const recorder = createRecorder({ ...server, services, routes: routesOf(services) });
await tellStory(recorder);
writeFileSync(examplesFile, `${JSON.stringify(recorder.examples, undefined, 1)}\n`);
const missing = services
  .flatMap(({ methods }) => methods)
  .filter((method) => method.methodKind !== 'bidi_streaming')
  .map(methodName)
  .filter((name) => recorder.examples[name] === undefined);
console.log(
  `recorded ${Object.keys(recorder.examples).length} calls; without an example: ${missing.join(', ') || 'none'}`,
);
