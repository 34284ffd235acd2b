import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listen } from '../../support/listen.ts';

/** A server that others wrote, which reads whatever body comes and answers 200. */
export interface Peer extends AsyncDisposable {
  readonly name: 'Node' | 'Go';
  readonly http1Port: number;
  readonly http2Port: number;
}

/** Node's own two servers. */
export async function startNode(): Promise<Peer> {
  const one = http.createServer((req, res) => req.resume().on('end', () => res.end('ok')));
  const two = http2.createServer();
  two.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.resume().on('end', () => {
      if (stream.destroyed) return;
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
  });
  return {
    name: 'Node',
    http1Port: await listen(one),
    http2Port: await listen(two),
    async [Symbol.asyncDispose]() {
      one.closeAllConnections();
      one.close();
      two.close();
    },
  };
}

/** Why there is no Go to ask; undefined where there is. */
export function noGo(): string | undefined {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  const minor = Number(/^go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  return status === 0 && minor >= 24 ? undefined : 'no Go of 1.24 or newer on this machine';
}

const program = `package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

func main() {
	log.SetOutput(io.Discard)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "ok")
	})
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(server.Serve(listener))
}
`;

/** Go's net/http, both versions on one port; built when first asked for. */
export async function startGo(): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-go-'));
  await writeFile(join(folder, 'main.go'), program);
  await writeFile(join(folder, 'go.mod'), 'module peer\n\ngo 1.24\n');
  const built = spawnSync('go', ['build', '-o', 'peer', '.'], { cwd: folder, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  const child = spawn(join(folder, 'peer'), { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    name: 'Go',
    http1Port: Number(line),
    http2Port: Number(line),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
