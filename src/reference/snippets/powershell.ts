import { type Language, lines, type Request, tokenVariable, withBody } from './request.ts';

/** For Windows PowerShell 5 and newer. */
export const powershell: Language = {
  name: 'PowerShell',
  file: 'call.ps1',
  command: 'pwsh call.ps1',
  snippet: (request) =>
    lines(
      withBody(request, (body) => `$body = ${quoted(body)}`),
      `Invoke-RestMethod -Method ${request.verb} -Uri ${quoted(request.url)}${options(request)}`,
    ),
};

function options(request: Request): string {
  const token = request.needsToken ? ` -Headers @{ Authorization = "Bearer $env:${tokenVariable}" }` : '';
  return `${token}${request.body === undefined ? '' : " -ContentType 'application/json' -Body $body"}`;
}

// PowerShell takes the typographer's quotes for the plain one, and a doubled one for itself.
const quoted = (text: string): string => `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
