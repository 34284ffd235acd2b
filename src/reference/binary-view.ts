import type { Call, Contract } from './contract.ts';
import { type Html, html } from './html.ts';
import { code } from './layout.ts';

/** The trailers of a gRPC-Web answer that went well, as its last frame. */
const webTrailers = 'grpc-status: 0\r\n';

/** What a call looks like in a dialect that carries protobuf: the messages, and the bytes of the example. */
export function binaryView(contract: Contract, call: Call, contentType: string): Html {
  const isWeb = contentType.startsWith('application/grpc-web');
  const { example } = call;
  return html`<h3>Messages</h3>
${code(protoOf(contract, call.input))}${code(protoOf(contract, call.output))}
${
  example === undefined
    ? undefined
    : html`<h3>The example, in bytes</h3>
<p>Sent: a frame (flags, length, message).</p>
${code(frame('00', example.messageHex))}<p>Answered: ${isWeb ? 'the frame of the message, then that of the trailers.' : 'a frame like it; the status follows in the trailers, as grpc-status 0.'}</p>
${code(isWeb ? `${frame('00', example.answerHex)}\n${frame('80', Buffer.from(webTrailers).toString('hex'))}` : frame('00', example.answerHex))}`
}`;
}

/** Flags and length apart, then sixteen bytes a line. */
function frame(flags: string, hex: string): string {
  const length = (hex.length / 2).toString(16).padStart(8, '0');
  const lines = hex.match(/.{1,32}/g) ?? [];
  return [`${flags} ${length}`, ...lines].join('\n');
}

function protoOf({ types }: Contract, root: string): string {
  const found = new Set<string>();
  const open = [root];
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...(types[name]?.uses ?? []));
  }
  return [...found].map((name) => `// ${name}\n${types[name]?.proto ?? ''}`).join('\n\n');
}
