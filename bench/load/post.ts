import http2 from 'node:http2';

/** Sends a JSON message by POST and answers what came back. Throws where that is neither 200 nor 201. */
export type Post = (path: string, message: object) => Promise<Record<string, unknown>>;

const connections = 4;

/** A few connections to the port of the loopback, by turns; destroyed when disposed. */
export function openPost(port: number, token: string): { readonly post: Post } & Disposable {
  const sessions = Array.from({ length: connections }, () => http2.connect(`http://127.0.0.1:${port}`));
  const headers = {
    ':method': 'POST',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  };
  let sent = 0;
  const post: Post = (path, message) =>
    new Promise((resolve, reject) => {
      sent += 1;
      const session = sessions[sent % sessions.length] as http2.ClientHttp2Session;
      const stream = session.request({ ...headers, ':path': path });
      let status = 0;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('error', reject);
      stream.on('response', (answer) => {
        status = Number(answer[':status']);
      });
      stream.on('data', (part: string) => {
        text += part;
      });
      stream.on('end', () => {
        if (status === 200 || status === 201) resolve(JSON.parse(text) as Record<string, unknown>);
        else reject(new Error(`${path}: ${status} ${text}`));
      });
      stream.end(JSON.stringify(message));
    });
  return {
    post,
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** How many a second such workers get done one after the other, for so long or until there are no more. */
export async function perSecond(
  { workers, seconds, most = Number.POSITIVE_INFINITY }: { workers: number; seconds: number; most?: number },
  work: (nth: number) => Promise<unknown>,
): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  let [begun, done] = [0, 0];
  const worker = async () => {
    while (performance.now() < endMs && begun < most) {
      begun += 1;
      await work(begun - 1);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return done / ((performance.now() - startedMs) / 1_000);
}
