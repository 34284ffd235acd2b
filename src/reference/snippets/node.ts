import { doubleQuoted, type Language, lines, tokenVariable, withBody, withToken } from './request.ts';

/** With Node's own fetch. */
export const node: Language = {
  name: 'Node.js',
  file: 'call.mjs',
  command: 'node call.mjs',
  snippet: (request) =>
    lines(
      `const answer = await fetch(${doubleQuoted(request.url)}, {`,
      `  method: ${doubleQuoted(request.verb)},`,
      '  headers: {',
      withToken(request, `    Authorization: \`Bearer \${process.env.${tokenVariable}}\`,`),
      withBody(request, () => '    "Content-Type": "application/json",'),
      '  },',
      withBody(request, (body) => `  body: ${doubleQuoted(body)},`),
      '});',
      'console.log(answer.status, await answer.text());',
    ),
};
