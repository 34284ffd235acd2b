/** What a browser's page sends, without a browser: cookies kept, and what no script may set said of itself. */
export interface TestBrowser {
  readonly cookies: Map<string, string>;
  /** `headers` beside, or in the place of, those of the page; an empty one is left out. */
  send(verb: string, path: string, options?: Sent): Promise<Response>;
  /** A call over Connect, in JSON. */
  call(method: string, message: object, headers?: Readonly<Record<string, string>>): Promise<Response>;
  signIn(token: string): Promise<Response>;
}

export interface Sent {
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

const timeoutMs = 10_000;

/** A page of the server's own, as it says itself. */
export function openBrowser(url: string, origin = url): TestBrowser {
  const cookies = new Map<string, string>();
  const browser: TestBrowser = {
    cookies,
    async send(verb, path, { body, headers = {} } = {}) {
      const own = {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'content-type': body === undefined ? '' : 'application/json',
        origin: verb === 'GET' ? '' : origin,
        'sec-fetch-site': 'same-origin',
        ...headers,
      };
      const sent = Object.entries(own).filter(([, value]) => value !== '');
      const response = await fetch(`${url}${path}`, {
        method: verb,
        redirect: 'manual',
        headers: sent,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      for (const cookie of response.headers.getSetCookie()) keep(cookies, cookie);
      return response;
    },
    call: (method, message, headers = {}) => browser.send('POST', `/${method}`, { body: message, headers }),
    signIn: (token) => browser.send('POST', '/console/session', { body: { token } }),
  };
  return browser;
}

function keep(cookies: Map<string, string>, cookie: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
  if (/max-age=0(;|$)/i.test(cookie)) cookies.delete(name);
  else cookies.set(name, value);
}
