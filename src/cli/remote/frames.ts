import { CallFailed, status } from './status.ts';

/** Of an answer, as clients of gRPC have it: a page of 1,000 rows has 4 KiB for each. */
export const messageBytesMax = 4 * 1024 * 1024;
/** Of the frame that ends an answer; whoever sends more wants no good. */
export const trailerBytesMax = 64 * 1024;

const headBytes = 5;
const trailerFlag = 0x80;

/** Names in lower case → values. */
export type Trailers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What an HTTP answer held. */
export interface Frames {
  readonly message: Buffer | undefined;
  /** Undefined where nothing came at all: then they may stand in the headers of HTTP. */
  readonly trailers: Trailers | undefined;
}

/** A message as it is sent (gRPC, "Length-Prefixed-Message"): a byte of flags, four of length. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, headBytes);
  return framed;
}

interface Open {
  readonly isTrailer: boolean;
  readonly content: Buffer;
  filled: number;
}

/**
 * Reads the body of an answer piece by piece: one message at most, then the trailers as one frame more (gRPC-Web). What it
 * holds never grows beyond the bounds above, however small the pieces. Throws CallFailed.
 */
export function frameReader() {
  const head = Buffer.alloc(headBytes);
  let headFilled = 0;
  let open: Open | undefined;
  let message: Buffer | undefined;
  let trailers: Trailers | undefined;

  /** How much of it was taken. */
  const takeHead = (piece: Buffer): number => {
    if (trailers !== undefined) throw foreign('more after the trailers');
    const taken = piece.copy(head, headFilled);
    headFilled += taken;
    if (headFilled === headBytes) {
      open = openFrame(head, message !== undefined);
      headFilled = 0;
    }
    return taken;
  };
  const close = ({ isTrailer, content }: Open): void => {
    open = undefined;
    if (isTrailer) trailers = parseTrailers(content.toString('utf8'));
    else message = content;
  };
  return {
    take(piece: Buffer): void {
      for (let at = 0; at < piece.length; ) {
        if (open === undefined) {
          at += takeHead(piece.subarray(at));
        } else {
          const taken = piece.copy(open.content, open.filled, at);
          open.filled += taken;
          at += taken;
        }
        if (open !== undefined && open.filled === open.content.length) close(open);
      }
    },
    end(): Frames {
      const isCut = open !== undefined || headFilled > 0;
      if (isCut) throw new CallFailed({ code: status.UNAVAILABLE, details: 'Connection closed too early' });
      if (message !== undefined && trailers === undefined) throw foreign('no trailers');
      return { message, trailers };
    },
  };
}

function openFrame(head: Buffer, hasMessage: boolean): Open {
  const flags = head.readUInt8(0);
  const bytes = head.readUInt32BE(1);
  if (flags !== 0 && flags !== trailerFlag) throw foreign(`frame with flags ${flags}, nobody asked for`);
  const isTrailer = flags === trailerFlag;
  if (!isTrailer && hasMessage) throw foreign('a second message');
  const bytesMax = isTrailer ? trailerBytesMax : messageBytesMax;
  if (bytes > bytesMax) throw foreign(`frame of ${bytes} bytes, larger than max. ${bytesMax}`);
  return { isTrailer, content: Buffer.allocUnsafeSlow(bytes), filled: 0 };
}

/** The first of each name counts, so that nothing that follows changes the status. */
function parseTrailers(text: string): Trailers {
  const found: Record<string, string> = Object.create(null);
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0) found[name] ??= line.slice(colon + 1).trim();
  }
  return found;
}

/** The message of an answer that went well. Throws CallFailed. */
export function messageOf({ message, trailers }: Frames, headers: Trailers): Buffer {
  const told = trailers ?? headers;
  const code = textOf(told['grpc-status']);
  if (!/^\d{1,3}$/.test(code)) throw foreign('no grpc-status');
  if (Number(code) !== status.OK) {
    const sent = textOf(told['grpc-status-details-bin']);
    throw new CallFailed({
      code: Number(code),
      details: decoded(textOf(told['grpc-message'])),
      sent: sent === '' ? undefined : Buffer.from(sent, 'base64'),
    });
  }
  if (message === undefined) throw foreign('no message');
  return message;
}

const textOf = (value: string | readonly string[] | undefined): string => String(value ?? '');

// gRPC, "Percent-Encoded": who encoded it wrongly is read as they wrote.
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Something else answered than a server of this API. */
export function foreign(what: string): CallFailed {
  return new CallFailed({ code: status.UNAVAILABLE, details: `Protocol error: ${what}` });
}
