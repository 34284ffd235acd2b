// Runs the call.mjs of each folder that comes in a line, and says where its output ends.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

for await (const line of createInterface(process.stdin)) {
  await import(pathToFileURL(`${line}/call.mjs`).href);
  console.log('\n\x04');
}
