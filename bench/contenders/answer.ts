import { parseArgs } from 'node:util';

/** What the servers without a store answer: an UnlockUserResponse with all four fields of `details`. */
export const details = {
  sequence: '2',
  changeDate: '2026-01-02T03:04:05.678901Z',
  resourceOwner: '100000000000000001',
  creationDate: '2026-01-01T00:00:00.123456Z',
} as const;

/** The same as JSON text. */
export const answerJson = JSON.stringify({ details });

/** The same as protobuf bytes. */
export const answerProto = encodeAnswer();

/** The same as a gRPC message: no compression, length, bytes. */
export const answerEnvelope = Buffer.concat([Buffer.from([0, 0, 0, 0, answerProto.length]), answerProto]);

/** `--port N`; the loopback address is the same for every contender. */
export function parsePort(): number {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } }, strict: false });
  return Number(values.port);
}

/** Seconds and nanoseconds of an RFC 3339 text, as google.protobuf.Timestamp has them. */
export function timestampOf(text: string): { seconds: bigint; nanos: number } {
  const fraction = /\.(\d+)Z$/.exec(text)?.[1] ?? '0';
  return { seconds: BigInt(Math.floor(Date.parse(text) / 1000)), nanos: Number(fraction.padEnd(9, '0')) };
}

function encodeAnswer(): Buffer {
  const timestamp = (text: string) => {
    const { seconds, nanos } = timestampOf(text);
    return Buffer.from([0x08, ...varint(Number(seconds)), 0x10, ...varint(nanos)]);
  };
  const field = (number: number, bytes: Buffer) =>
    Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  return field(
    1,
    Buffer.concat([
      Buffer.from([0x08, Number(details.sequence)]),
      field(2, timestamp(details.changeDate)),
      field(3, Buffer.from(details.resourceOwner)),
      field(4, timestamp(details.creationDate)),
    ]),
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
