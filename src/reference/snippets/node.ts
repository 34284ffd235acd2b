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
  stream: (request) =>
    lines(
      `const message = Buffer.from(${doubleQuoted(request.body ?? '{}')});`,
      'const prefix = Buffer.alloc(5);',
      'prefix.writeUInt32BE(message.length, 1);',
      `const answer = await fetch(${doubleQuoted(request.url)}, {`,
      '  method: "POST",',
      '  headers: {',
      withToken(request, `    Authorization: \`Bearer \${process.env.${tokenVariable}}\`,`),
      '    "Content-Type": "application/connect+json",',
      '  },',
      '  body: Buffer.concat([prefix, message]),',
      '});',
      'let held = Buffer.alloc(0);',
      'for await (const chunk of answer.body) {',
      '  held = Buffer.concat([held, chunk]);',
      '  while (held.length >= 5 && held.length >= 5 + held.readUInt32BE(1)) {',
      '    const end = 5 + held.readUInt32BE(1);',
      '    console.log(held.toString("utf8", 5, end));',
      '    held = held.subarray(end);',
      '  }',
      '}',
    ),
};
