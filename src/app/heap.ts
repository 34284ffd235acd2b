import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 make what a call needs among the young objects, always. By what lived long while the server started it may else
 * decide to make the objects of some line of code among the old ones at once, and each of those keeps all that its call
 * refers to until the next full collection: a third of the calls a second less, and five times the p99, in about every other
 * process (bench/README.md). To be called once all is loaded, since V8 keeps compiled code for the flags that it was made
 * under, and before the first call.
 */
export function keepCallsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
