/** What a failure must not repeat, whoever says it: a library, the server, or the mistyped command line itself. */
const forms: readonly (readonly [RegExp, string])[] = [
  // ID.SECRET, also one that was cut in the middle.
  [/\b(\d{13,20}\.)[\w~+/-]{8,}=*/g, '$1…'],
  // A JWT, and the tokens of sessions and devices: three parts, or two long ones.
  [/\beyJ[\w-]{8,}(\.[\w-]*){1,2}/g, '…'],
  [/\b[\w-]{10,}\.[\w-]{40,}/g, '…'],
  [/(\b(?:Bearer|Basic)\s+)(?!token\b)[^\s"',;]{4,}/gi, '$1…'],
  // URLs and connection strings. A password may itself hold "@", "/" or ":": up to the last "@" of the word.
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:)[^\s"']*@/gi, '$1…@'],
  [/(\b(?:password|passwd|pwd|sslpassword|token|secret)\s*=\s*)('[^']*'|"[^"]*"|[^\s&;,]+)/gi, '$1…'],
];

/** The text without anything that has the form of a secret. */
export function hideSecrets(text: string): string {
  return forms.reduce((shown, [form, instead]) => shown.replace(form, instead), text);
}
