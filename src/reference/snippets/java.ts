import { doubleQuoted, type Language, lines, tokenVariable, withBody, withToken } from './request.ts';

/** For Java 11 and newer, with nothing but its own libraries. */
export const java: Language = {
  name: 'Java',
  file: 'Call.java',
  command: 'java Call.java',
  snippet(request) {
    const publisher = withBody(request, (body) => `ofString(${doubleQuoted(body)})`) ?? 'noBody()';
    return lines(
      'import java.net.URI;',
      'import java.net.http.HttpClient;',
      'import java.net.http.HttpRequest;',
      'import java.net.http.HttpResponse;',
      '',
      'public class Call {',
      '    public static void main(String[] args) throws Exception {',
      `        HttpRequest request = HttpRequest.newBuilder(URI.create(${doubleQuoted(request.url)}))`,
      `            .method(${doubleQuoted(request.verb)}, HttpRequest.BodyPublishers.${publisher})`,
      withToken(
        request,
        `            .header("Authorization", "Bearer " + System.getenv("${tokenVariable}"))`,
      ),
      withBody(request, () => '            .header("Content-Type", "application/json")'),
      '            .build();',
      '        HttpResponse<String> answer =',
      '            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());',
      '        System.out.println(answer.statusCode() + " " + answer.body());',
      '    }',
      '}',
    );
  },
};
