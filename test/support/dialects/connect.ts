import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import type { UniversalClientFn } from '@connectrpc/connect/protocol';
import { createTransport as createConnectTransport } from '@connectrpc/connect/protocol-connect';
import { createTransport as createGrpcTransport } from '@connectrpc/connect/protocol-grpc';
import { createTransport as createGrpcWebTransport } from '@connectrpc/connect/protocol-grpc-web';
import { createNodeHttpClient, Http2SessionManager } from '@connectrpc/connect-node';
import { type Answer, codeName, detailOfBytes, failed, succeeded } from '../answer.ts';
import { type Method, methods } from '../methods.ts';
import type { Ask, Form } from './bare.ts';

/** Connect's Node.js clients of all three protocols, on connections of their own. */
export interface ConnectClients extends AsyncDisposable {
  ask(form: Form, ask: Ask): Promise<Answer>;
}

const transports = {
  connect: createConnectTransport,
  grpc: createGrpcTransport,
  web: createGrpcWebTransport,
} as const;

/** Connects when first asked to. Throws for REST and text forms, which Connect does not speak. */
export function openConnectClients(url: string): ConnectClients {
  const sessions = new Http2SessionManager(url);
  const clients = {
    1: createNodeHttpClient({ httpVersion: '1.1' }),
    2: createNodeHttpClient({ httpVersion: '2', sessionProvider: () => sessions }),
  };
  return {
    async ask(form, ask) {
      // The transport says nothing of HTTP; its HTTP client is listened to for the status.
      let status: number | undefined;
      const transport = transportOf(url, form, async (req) => {
        const res = await clients[form.http](req);
        status = res.status;
        return res;
      });
      return call(transport, ask, () => status);
    },
    async [Symbol.asyncDispose]() {
      sessions.abort();
    },
  };
}

function transportOf(baseUrl: string, form: Form, httpClient: UniversalClientFn): Transport {
  if (form.frame === 'rest' || form.frame === 'web-text') throw new Error(`Connect has no ${form.frame}`);
  return transports[form.frame]({
    baseUrl,
    httpClient,
    useBinaryFormat: form.codec === 'proto',
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1_024,
    readMaxBytes: 0xffffffff,
    writeMaxBytes: 0xffffffff,
  });
}

async function call(transport: Transport, ask: Ask, status: () => number | undefined): Promise<Answer> {
  const { desc }: Method = methods[ask.method];
  const headers = new Headers(ask.headers);
  if (ask.token !== undefined) headers.set('authorization', `Bearer ${ask.token}`);
  try {
    const request = fromJson(desc.input, ask.message);
    const { message } = await transport.unary(desc, undefined, undefined, headers, request);
    return succeeded(toJson(desc.output, message) as JsonObject, status());
  } catch (thrown) {
    if (!(thrown instanceof ConnectError) || thrown.code === Code.Canceled) throw thrown;
    const details = thrown.details.map((detail) => {
      if ('desc' in detail) throw new Error('a detail that no server sent');
      return detailOfBytes(detail.type, detail.value);
    });
    return failed({ code: codeName(thrown.code), message: thrown.rawMessage, details }, status());
  }
}
