import { doubleQuoted, type Language, lines, tokenVariable, withBody, withToken } from './request.ts';

/** With nothing but the standard library. */
export const go: Language = {
  name: 'Go',
  file: 'call.go',
  command: 'go run call.go',
  snippet(request) {
    const { verb, url } = request;
    const body = withBody(request, (text) => `strings.NewReader(${doubleQuoted(text)})`) ?? 'http.NoBody';
    return lines(
      'package main',
      '',
      'import (',
      '\t"fmt"',
      '\t"io"',
      '\t"log"',
      '\t"net/http"',
      withToken(request, '\t"os"'),
      withBody(request, () => '\t"strings"'),
      ')',
      '',
      'func main() {',
      `\trequest, err := http.NewRequest(${doubleQuoted(verb)}, ${doubleQuoted(url)}, ${body})`,
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      withToken(request, `\trequest.Header.Set("Authorization", "Bearer "+os.Getenv("${tokenVariable}"))`),
      withBody(request, () => '\trequest.Header.Set("Content-Type", "application/json")'),
      '\tanswer, err := http.DefaultClient.Do(request)',
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      '\tdefer answer.Body.Close()',
      '\ttext, err := io.ReadAll(answer.Body)',
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      '\tfmt.Println(answer.StatusCode, string(text))',
      '}',
    );
  },
};
