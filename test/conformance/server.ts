import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createDoor, type OpenDoor } from '../../src/server/door.ts';
import { createCorsPolicy } from '../../src/server/http/cors.ts';
import { startListener } from '../../src/server/port/listener.ts';
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './gen/connectrpc/conformance/v1/server_compat_pb.js';
import {
  ConformanceService,
  file_connectrpc_conformance_v1_service,
} from './gen/connectrpc/conformance/v1/service_pb.js';
import { conformanceService } from './service.ts';

// The program that the runner starts: it reads what to serve, says where it serves it, and ends at SIGTERM.
const request = await readRequest();
const directory = await mkdtemp(join(tmpdir(), 'conformance-'));
const tls = request.useTls ? await writeTlsFiles(request) : undefined;
const door = openDoor(request);
const listener = await startListener(door, { port: 0, tls, log: toStandardError });
answer(listener.port);
process.once('SIGTERM', async () => {
  door.endStreams();
  await listener.drain();
  door.close();
  await rm(directory, { recursive: true });
});

function openDoor({ useTls, messageReceiveLimit }: ServerCompatRequest): OpenDoor {
  return createDoor({
    services: [{ desc: ConformanceService, implementation: conformanceService }],
    interceptors: [(next) => (req) => next(req)],
    cors: createCorsPolicy({ allowedOrigins: [], scheme: useTls ? 'https' : 'http' }),
    clientAddress: { trustedProxies: [] },
    ...(messageReceiveLimit > 0 && { bodyBytesMax: messageReceiveLimit }),
    jsonRegistry: createRegistry(file_connectrpc_conformance_v1_service),
    isReady: () => Promise.resolve(true),
    isDraining: () => false,
    timeoutMs: 1_000,
    log: toStandardError,
  });
}

async function readRequest(): Promise<ServerCompatRequest> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) break;
  }
  return fromBinary(ServerCompatRequestSchema, bytes.subarray(4, 4 + bytes.readUInt32BE(0)));
}

function answer(port: number): void {
  const response = create(ServerCompatResponseSchema, {
    host: '127.0.0.1',
    port,
    pemCert: request.serverCreds?.cert ?? new Uint8Array(),
  });
  const bytes = toBinary(ServerCompatResponseSchema, response);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  process.stdout.write(Buffer.concat([length, bytes]));
}

async function writeTlsFiles({ serverCreds }: ServerCompatRequest) {
  const files = { certPath: join(directory, 'cert.pem'), keyPath: join(directory, 'key.pem') };
  await writeFile(files.certPath, serverCreds?.cert ?? '', { mode: 0o600 });
  await writeFile(files.keyPath, serverCreds?.key ?? '', { mode: 0o600 });
  return files;
}

function toStandardError(event: string, fields: Readonly<Record<string, unknown>>): void {
  if (event.endsWith('.failed')) process.stderr.write(`${event} ${String(fields.cause)}\n`);
}
