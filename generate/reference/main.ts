import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readVersion } from '../../src/app/version.ts';
import { callsDocument } from './calls.ts';
import { openApiDocument, routesOf } from './document.ts';
import { readExamples } from './example.ts';
import type { Schema } from './field-schema.ts';
import { buildImage, servicesOf } from './image.ts';

// Writes gen/openapi/, or the folder that is named, from the protos and their comments: `npm run generate`.
const folder = process.argv[2] ?? fileURLToPath(new URL('../../gen/openapi/', import.meta.url));
const image = await buildImage();
const services = servicesOf(image);
const examples = readExamples();
const write = (name: string, content: Schema): void =>
  writeFileSync(join(folder, name), `${JSON.stringify(content, undefined, 1)}\n`);
mkdirSync(folder, { recursive: true });
write('openapi.json', openApiDocument({ image, services, examples, version: readVersion() }));
write('calls.json', callsDocument(services, routesOf(services), examples));
