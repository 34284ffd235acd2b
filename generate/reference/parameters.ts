import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { takesText } from '../../src/server/messages/text-field.ts';
import type { Route } from '../../src/server/routes/http-rule.ts';
import { fieldSchema, limitsOf, type Schema } from './field-schema.ts';

/** The parameters of a route: its variables, and in the query what neither path nor body fills. */
export function parametersOf(route: Route): readonly Schema[] {
  const path = route.variables.map(({ name, path: fields }) => pathParameter(name, fields.at(-1)));
  if (route.body !== undefined) return path;
  const taken = route.variables.map(({ name }) => name);
  return [...path, ...queryParameters(route.method.input, taken)];
}

function pathParameter(name: string, field: DescField | undefined): Schema {
  if (field === undefined) throw new Error(`bug: the variable ${name} fills no field`);
  return { name, in: 'path', required: true, ...describedSchema(field) };
}

function queryParameters(
  desc: DescMessage,
  taken: readonly string[],
  above: readonly DescField[] = [],
): Schema[] {
  return desc.fields.flatMap((field) => {
    const path = [...above, field];
    if (taken.includes(path.map(({ name }) => name).join('.'))) return [];
    if (takesText(field)) {
      const name = path.map(({ jsonName }) => jsonName).join('.');
      const isRequired = above.length === 0 && limitsOf(field).isRequired;
      return [{ name, in: 'query', ...(isRequired && { required: true }), ...describedSchema(field) }];
    }
    const isNew = field.fieldKind === 'message' && !above.some(({ message }) => message === field.message);
    return isNew ? queryParameters(field.message, taken, path) : [];
  });
}

function describedSchema(field: DescField): Schema {
  const { description, ...schema } = fieldSchema(field);
  return { ...(description !== undefined && { description }), schema };
}
