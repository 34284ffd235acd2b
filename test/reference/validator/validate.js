// validate.js DOCUMENT — fails where the document is not valid, or an example does not fit its schema.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { valid, errors } = await new Validator().validate(structuredClone(document));
if (!valid) throw new Error(JSON.stringify(errors, undefined, 1));

// Strict where the document is open to what comes: an example with a field that no schema names is not described.
for (const schema of Object.values(document.components.schemas)) {
  if (schema.type === 'object' && schema.properties !== undefined) schema.additionalProperties = false;
}
const ajv = new Ajv.default({
  strict: false,
  allErrors: true,
  formats: { int32: true, int64: true, uint64: true },
});
addFormats.default(ajv);
ajv.addSchema(document, 'document');

let examples = 0;
for (const [path, operations] of Object.entries(document.paths)) {
  for (const [verb, { requestBody, responses }] of Object.entries(operations)) {
    for (const place of [requestBody, ...Object.values(responses)]) {
      const { schema, examples: recorded } = place?.content?.['application/json'] ?? {};
      if (recorded === undefined) continue;
      const validate = ajv.compile({ $ref: `document${schema.$ref}` });
      examples += 1;
      if (!validate(recorded.recorded.value))
        throw new Error(`${verb} ${path}: ${ajv.errorsText(validate.errors)}`);
    }
  }
}
if (examples < 50) throw new Error(`only ${examples} examples`);
console.log(`valid OpenAPI ${document.openapi}, ${examples} examples fit their schemas`);
