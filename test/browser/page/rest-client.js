/** Unlocks by REST, with nothing but what the browser brings. */
export const restClients = { 'fetch, REST': unlock };

async function unlock({ url, token, userId, timeoutMs }) {
  const headers = { 'content-type': 'application/json' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const init = { method: 'POST', headers, body: '{}', signal: AbortSignal.timeout(timeoutMs) };
  const res = await fetch(`${url}/v2/users/${encodeURIComponent(userId)}/unlock`, init);
  const requestId = res.headers.get('x-request-id');
  const body = await res.json();
  if (res.ok) return { ...body, requestId };
  const [detail, info] = body.details ?? [];
  return {
    refusal: {
      code: body.code,
      message: body.message,
      id: detail?.id,
      text: detail?.message,
      reason: info?.reason,
    },
    requestId,
  };
}
