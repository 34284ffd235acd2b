/** Why a server that others wrote may do otherwise where a request has this feature, and the section that decides it. */
interface Decision {
  readonly feature: RegExp;
  readonly peers: readonly ('Node' | 'Go')[];
  readonly section: string;
  readonly why: string;
  /** Ours may serve what theirs does not; everywhere else ours is the stricter one. */
  readonly isLooser?: true;
  /** Together with this one alone. */
  readonly and?: RegExp;
}

const both = ['Node', 'Go'] as const;

// biome-ignore format: one line a decision
const http1: readonly Decision[] = [
  { feature: /^verb (unknown|in lower case|PRI)$/, peers: ['Go'], section: 'RFC 9110 §9.1', why: 'Go hands any token on, ours refuses what it does not know' },
  { feature: /^version 1\.2$/, peers: ['Go'], section: 'RFC 9110 §2.5', why: 'Go reads 1.2 as 1.1, as it should; Node’s parser knows no such version' },
  { feature: /^version (1\.0|2\.0)$/, peers: both, section: 'RFC 9112 §9.6', why: 'the connection ends after the answer; what was sent after it may cost a client of theirs the answer', isLooser: true },
  { feature: /^field connection close$/, peers: both, section: 'RFC 9112 §9.6', why: 'what follows "close" is not read; Node answers 400 in the place of the answer, or it is lost in a reset', isLooser: true },
  { feature: /^host (two|broken|empty|with user)$/, peers: both, section: 'RFC 9112 §3.2', why: 'a Host that is no host, or two, is 400; Node takes all of them, Go some' },
  { feature: /^framing length twice the same$/, peers: ['Go'], section: 'RFC 9112 §6.3', why: 'equal lengths may be taken for one, or refused' },
  { feature: /^framing length (in a list|empty|\+2)$/, peers: both, section: 'RFC 9112 §6.3', why: 'what is no number is refused' },
  { feature: /^framing gzip alone$|^framing chunked before gzip$/, peers: both, section: 'RFC 9112 §6.3', why: 'a body of which nobody knows the end is refused, and the connection closed' },
  { feature: /^framing chunked beside length$/, peers: both, section: 'RFC 9112 §6.1', why: 'refused, or read as chunked and closed' },
  { feature: /^field folded$/, peers: ['Go'], section: 'RFC 9112 §5.2', why: 'a folded line is refused, or made one' },
  { feature: /^field (with odd name|with high bytes|without name|without colon|with bare CR)$/, peers: ['Go'], section: 'RFC 9112 §5', why: 'what is no field is refused' },
  { feature: /^field upgrade h2c$/, peers: ['Go'], section: 'RFC 9110 §7.8', why: 'an upgrade is ignored; Node’s parser closes after it, which a server may' },
  { feature: /^field expect (something|100)$/, peers: both, section: 'RFC 9110 §10.1.1', why: '417 is allowed, and a connection whose body was not asked for ends', isLooser: true },
  { feature: /^target with percent$/, peers: both, section: 'RFC 9112 §3.2', why: 'what is no URI but harmless leads nowhere: 404 at once, where Go says 400 and Node waits for the body', isLooser: true },
  { feature: /^target (without slash|with blank|with NUL)$/, peers: both, section: 'RFC 9112 §3.2', why: 'what is no target is refused, or leads nowhere' },
];

// biome-ignore format: one line a decision
const http2: readonly Decision[] = [
  { feature: /^verb in lower case$/, peers: both, section: 'RFC 9113 §8.1', why: 'a call that nothing serves is answered before its body is here, so that what is wrong with that is nobody’s business', isLooser: true },
  { feature: /^verb (with blank|none|twice)$/, peers: both, section: 'RFC 9113 §8.3.1', why: 'malformed' },
  { feature: /^path (asterisk|with blank|empty|none|without slash)$/, peers: both, section: 'RFC 9113 §8.3.1', why: 'malformed' },
  { feature: /^authority /, peers: both, section: 'RFC 9113 §8.3.1', why: 'a request without one valid host is refused' },
  { feature: /^field (hosts two|host another)$/, peers: both, section: 'RFC 9113 §8.3.1', why: 'two hosts are refused' },
  { feature: /^field (with NUL|with LF|with blank around|with blank in name|without name|in capitals)$/, peers: both, section: 'RFC 9113 §8.2.1', why: 'malformed' },
  { feature: /^field (connection|transfer-encoding|te gzip)$/, peers: both, section: 'RFC 9113 §8.2.2', why: 'malformed' },
  { feature: /^field pseudo |^order pseudo late$/, peers: both, section: 'RFC 9113 §8.3', why: 'malformed' },
  { feature: /^length right$/, and: /^body (none|empty)$/, peers: both, section: 'RFC 9113 §8.1.1', why: 'a length without content is malformed' },
  { feature: /^length (short|long|no number)$/, peers: both, section: 'RFC 9113 §8.1.1', why: 'a length that is not that of the content is malformed' },
  { feature: /^body pseudo in trailers$/, peers: both, section: 'RFC 9113 §8.1', why: 'malformed' },
];

// biome-ignore format: one line a decision
const frames: readonly Decision[] = [
  { feature: /^valid settings twice the same$/, peers: ['Go'], section: 'RFC 9113 §6.5.3', why: 'values are taken in the order in which they stand, and nothing says that a setting stands once; Go gives the connection up', isLooser: true },
  { feature: /^valid ping answered that nobody sent$/, peers: ['Node'], section: 'RFC 9113 §6.7', why: 'nothing says that it is an error; Node gives the connection up', isLooser: true },
  { feature: /^wrong data of a stream that is done$/, peers: ['Node'], section: 'RFC 9113 §5.1', why: 'STREAM_CLOSED of the stream, or of the connection', isLooser: true },
  { feature: /^wrong request on a stream that is done$/, peers: both, section: 'RFC 9113 §5.1', why: 'STREAM_CLOSED of the stream while its answer is on its way, of the connection after it: which of them is a matter of time', isLooser: true },
  { feature: /^wrong (data|unknown) that is too long$/, peers: ['Go'], section: 'RFC 9113 §4.2', why: 'each by what it has announced: ours the least, Go’s 1 MiB' },
  { feature: /^wrong priority of four bytes$/, peers: both, section: 'RFC 9113 §6.3', why: 'FRAME_SIZE_ERROR of the stream; theirs is of the connection', isLooser: true },
  { feature: /^wrong priority of the connection$/, peers: ['Node'], section: 'RFC 9113 §6.3', why: 'PROTOCOL_ERROR of the connection; Node ignores it' },
  { feature: /^wrong priority of itself$/, peers: ['Node'], section: 'RFC 7540 §5.3.1', why: 'PROTOCOL_ERROR of the stream; Node ignores it' },
  { feature: /^wrong request that depends on itself$/, peers: ['Node'], section: 'RFC 7540 §5.3.1', why: 'PROTOCOL_ERROR of the stream; Node’s is of the connection', isLooser: true },
  { feature: /^wrong request on a stream passed over$/, peers: ['Node'], section: 'RFC 9113 §5.1.1', why: 'PROTOCOL_ERROR of the connection; Node ignores it' },
  { feature: /^wrong request with too much padding$/, peers: ['Go'], section: 'RFC 9113 §6.2', why: 'PROTOCOL_ERROR; Go’s is of the stream' },
  { feature: /^wrong window of a stream by none$/, peers: ['Node'], section: 'RFC 9113 §6.9', why: 'PROTOCOL_ERROR of the stream; Node’s is of the connection', isLooser: true },
  { feature: /^wrong window of a stream too large$/, peers: ['Node'], section: 'RFC 9113 §6.9.1', why: 'FLOW_CONTROL_ERROR of the stream, or of the connection', isLooser: true },
];

/** A difference as it was seen: whose, in what, and whether ours served more than theirs. */
export interface Seen {
  readonly peer: string;
  readonly features: readonly string[];
  readonly isMore: boolean;
}

const isDecided =
  (decisions: readonly Decision[]) =>
  ({ peer, features, isMore }: Seen): boolean =>
    decisions.some(
      ({ feature, and, peers, isLooser }) =>
        peers.some((one) => one === peer) &&
        features.some((one) => feature.test(one)) &&
        (and === undefined || features.some((one) => and.test(one))) &&
        (!isMore || isLooser === true),
    );

/** Whether a difference over HTTP/1.1 is one that is known. */
export const decidedHttp1: (seen: Seen) => boolean = isDecided(http1);
/** The same over HTTP/2. */
export const decidedHttp2: (seen: Seen) => boolean = isDecided(http2);
/** The same of the frames of a connection. */
export const decidedFrames: (seen: Seen) => boolean = isDecided(frames);
