import { type Language, lines, singleQuoted, tokenVariable, withBody, withToken } from './request.ts';

/** With nothing but the standard library. */
export const ruby: Language = {
  name: 'Ruby',
  file: 'call.rb',
  command: 'ruby call.rb',
  snippet: (request) =>
    lines(
      "require 'net/http'",
      '',
      `uri = URI(${singleQuoted(request.url)})`,
      `request = Net::HTTP::${classOf(request.verb)}.new(uri)`,
      withToken(request, `request['Authorization'] = "Bearer #{ENV.fetch('${tokenVariable}')}"`),
      withBody(request, () => "request['Content-Type'] = 'application/json'"),
      withBody(request, (body) => `request.body = ${singleQuoted(body)}`),
      "answer = Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == 'https') do |http|",
      '  http.request(request)',
      'end',
      'puts "#{answer.code} #{answer.body}"',
    ),
};

const classOf = (verb: string): string => `${verb.slice(0, 1)}${verb.slice(1).toLowerCase()}`;
