const timeoutMs = 5_000;
const bytesMax = 262_144;

/**
 * GETs a JSON document: 5 seconds, 256 KiB and no redirect at most, since who answers is trusted for the URL that was
 * configured. Rejects with what went wrong.
 */
export async function fetchJson(url: string): Promise<unknown> {
  const headers = { accept: 'application/json' };
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { headers, redirect: 'error', signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${url} answers ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`${url} answers more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
