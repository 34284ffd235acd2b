import { randomBytes } from 'node:crypto';

/** The most events that one batch may hold; the schema's views on positions rest on it. */
export const eventsPerBatchMax = 512;

const writerBytes = 6;
const writerLength = 2 * writerBytes;
const numberLength = 8;

/**
 * Ids of batches for one writer, rising: a batch whose id is asked for after another one was committed has the higher
 * number. Two writers never share an id.
 */
export function createBatchIds(): () => string {
  const writer = randomBytes(writerBytes).toString('hex');
  let number = 0;
  return () => {
    number += 1;
    return writer + number.toString(36).padStart(numberLength, '0');
  };
}

/** Of whom the batch is. */
export function writerOf(batchId: string): string {
  return batchId.slice(0, writerLength);
}
