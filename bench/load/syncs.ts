/**
 * What the disk allows: so many bytes written over in a file and synced (fdatasync), at a constant rate, nothing around it.
 * `node bench/load/syncs.ts --folder DIR --rate 900 --bytes 12288 --seconds 4` prints the p99 in microseconds, counted from
 * the moment at which each was due.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Histogram } from './histogram.ts';

/** As long as SQLite lets its log grow before it begins at the front again. */
const fileBytes = 4_194_304;
const warmupSeconds = 0.5;

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    rate: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '8192' },
    seconds: { type: 'string', default: '4' },
  },
});

const path = join(values.folder, 'bare-syncs');
const file = openSync(path, 'w');
try {
  console.log(measure());
} finally {
  closeSync(file);
  rmSync(path);
}

function measure(): number {
  const bytes = Buffer.alloc(Number(values.bytes), 1);
  for (let at = 0; at < fileBytes; at += bytes.length) writeSync(file, bytes, 0, bytes.length, at);
  fsyncSync(file);
  const gapMs = 1_000 / Number(values.rate);
  const count = Math.ceil((Number(values.seconds) + warmupSeconds) * Number(values.rate));
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const histogram = new Histogram();
  const beginMs = performance.now();
  for (let nth = 0; nth < count; nth += 1) {
    const dueMs = beginMs + nth * gapMs;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) Atomics.wait(clock, 0, 0, earlyMs);
    writeSync(file, bytes, 0, bytes.length, (nth * bytes.length) % fileBytes);
    fdatasyncSync(file);
    if (nth * gapMs >= warmupSeconds * 1_000) histogram.record((performance.now() - dueMs) * 1_000);
  }
  return histogram.percentileUs(99);
}
