import { type Language, lines, singleQuoted, tokenVariable, withBody, withToken } from './request.ts';

/** Without any extension. */
export const php: Language = {
  name: 'PHP',
  file: 'call.php',
  command: 'php call.php',
  snippet: (request) =>
    lines(
      '<?php',
      '',
      "$context = stream_context_create(['http' => [",
      `    'method' => ${singleQuoted(request.verb)},`,
      "    'header' => [",
      withToken(request, `        'Authorization: Bearer ' . getenv('${tokenVariable}'),`),
      withBody(request, () => "        'Content-Type: application/json',"),
      '    ],',
      withBody(request, (body) => `    'content' => ${singleQuoted(body)},`),
      "    'ignore_errors' => true,",
      ']]);',
      `$body = file_get_contents(${singleQuoted(request.url)}, false, $context);`,
      'echo $http_response_header[0], "\\n", $body, "\\n";',
    ),
};
