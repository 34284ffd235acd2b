import { doubleQuoted, type Language, lines, tokenVariable, withBody, withToken } from './request.ts';

/** With nothing but the standard library. */
export const python: Language = {
  name: 'Python',
  file: 'call.py',
  command: 'python3 call.py',
  snippet: (request) =>
    lines(
      withToken(request, 'import os'),
      'import urllib.error',
      'import urllib.request',
      '',
      'request = urllib.request.Request(',
      `    ${doubleQuoted(request.url)},`,
      `    method=${doubleQuoted(request.verb)},`,
      '    headers={',
      withToken(request, `        "Authorization": "Bearer " + os.environ["${tokenVariable}"],`),
      withBody(request, () => '        "Content-Type": "application/json",'),
      '    },',
      withBody(request, (body) => `    data=${doubleQuoted(body)}.encode(),`),
      ')',
      'try:',
      '    with urllib.request.urlopen(request, timeout=30) as answer:',
      '        print(answer.status, answer.read().decode())',
      'except urllib.error.HTTPError as error:',
      '    print(error.code, error.read().decode())',
    ),
};
