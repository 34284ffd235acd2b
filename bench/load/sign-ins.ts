import http2 from 'node:http2';

/** How sign-ins are offered: so many a second, whatever the answers do, or so many at once. */
export type SignInLoad = { readonly ratePerSecond: number } | { readonly inFlight: number };

export interface SignInJob {
  readonly port: number;
  readonly token: string;
  readonly userIds: readonly string[];
  readonly password: string;
  readonly load: SignInLoad;
}

/** Sign-ins under way; disposing ends them. */
export interface SignIns extends Disposable {
  /** How many were answered so far, by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** Of those, who was let in. */
  succeeded(): number;
}

/** More than one: the server bounds what a connection may leave unanswered. */
const connections = 4;

/** Offers sign-ins until it is disposed, each of the next user. */
export function offerSignIns({ port, token, userIds, password, load }: SignInJob): SignIns {
  const sessions = Array.from({ length: connections }, () => http2.connect(`http://127.0.0.1:${port}`));
  for (const session of sessions) session.on('error', () => undefined);
  const answers: Record<string, number> = {};
  const headers = {
    ':method': 'POST',
    ':path': '/v2/sessions',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  };
  let sent = 0;
  let isOver = false;
  const send = () => {
    const userId = userIds[sent % userIds.length];
    const stream = (sessions[sent % connections] as http2.ClientHttp2Session).request(headers);
    sent += 1;
    stream.on('error', () => undefined);
    stream.once('response', ({ ':status': status }) => {
      answers[String(status)] = (answers[String(status)] ?? 0) + 1;
      // Read to its end: a stream with a body that nobody takes never closes, and the next would not be sent.
      stream.resume();
    });
    stream.once('close', () => {
      if ('inFlight' in load && !isOver) send();
    });
    stream.end(JSON.stringify({ checks: { user: { userId }, password: { password } } }));
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    if (!('ratePerSecond' in load)) return;
    const due = ((performance.now() - startedMs) * load.ratePerSecond) / 1_000;
    while (sent < due) send();
  }, 2);
  if ('inFlight' in load) for (let nth = 0; nth < load.inFlight; nth += 1) send();
  return {
    answers,
    succeeded: () =>
      Object.entries(answers).reduce((sum, [status, count]) => sum + (status.startsWith('2') ? count : 0), 0),
    [Symbol.dispose]() {
      isOver = true;
      clearInterval(timer);
      for (const session of sessions) session.destroy();
    },
  };
}
