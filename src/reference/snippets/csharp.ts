import { doubleQuoted, type Language, lines, tokenVariable, withBody, withToken } from './request.ts';

const token = `Environment.GetEnvironmentVariable("${tokenVariable}")`;

/** For .NET and Mono alike: HttpClient and StringContent, no newer syntax. */
export const csharp: Language = {
  name: 'C#',
  file: 'Call.cs',
  command: 'mcs -r:System.Net.Http.dll Call.cs && mono Call.exe',
  snippet(request) {
    const { verb, url } = request;
    return lines(
      'using System;',
      'using System.Net.Http;',
      withBody(request, () => 'using System.Text;'),
      'using System.Threading.Tasks;',
      '',
      'public static class Call',
      '{',
      '    public static void Main()',
      '    {',
      '        Run().Wait();',
      '    }',
      '',
      '    private static async Task Run()',
      '    {',
      '        using (var client = new HttpClient())',
      `        using (var request = new HttpRequestMessage(new HttpMethod(${doubleQuoted(verb)}), ${doubleQuoted(url)}))`,
      '        {',
      withToken(request, `            request.Headers.Add("Authorization", "Bearer " + ${token});`),
      withBody(
        request,
        (body) =>
          `            request.Content = new StringContent(${doubleQuoted(body)}, Encoding.UTF8, "application/json");`,
      ),
      '            var answer = await client.SendAsync(request);',
      '            var text = await answer.Content.ReadAsStringAsync();',
      '            Console.WriteLine((int)answer.StatusCode + " " + text);',
      '        }',
      '    }',
      '}',
    );
  },
};
