import { Worker } from 'node:worker_threads';

// Loaded before a server (`node --import`): at SIGUSR2 all its threads end that were given something since the last one,
// as a thread does that runs out of memory.
const usual = Worker.prototype.postMessage;
const threads = new Set<Worker>();
Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof usual>) {
  threads.add(this);
  return usual.apply(this, given);
};
process.on('SIGUSR2', () => {
  for (const thread of threads) void thread.terminate();
  threads.clear();
});
