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
  stream: (request) =>
    lines(
      withToken(request, 'import os'),
      'import struct',
      'import urllib.request',
      '',
      `message = ${doubleQuoted(request.body ?? '{}')}.encode()`,
      'request = urllib.request.Request(',
      `    ${doubleQuoted(request.url)},`,
      '    headers={',
      withToken(request, `        "Authorization": "Bearer " + os.environ["${tokenVariable}"],`),
      '        "Content-Type": "application/connect+json",',
      '    },',
      '    data=struct.pack(">BI", 0, len(message)) + message,',
      ')',
      'with urllib.request.urlopen(request) as answer:',
      '    while prefix := answer.read(5):',
      '        flags, length = struct.unpack(">BI", prefix)',
      '        print(answer.read(length).decode(), flush=True)',
    ),
};
