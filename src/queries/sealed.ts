import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Store } from '../store/store.ts';

/** What a sealed text is of: one of another kind does not open. */
export type SealedKind =
  | 'lock-position'
  | 'console-session'
  | 'console-signing-in'
  | 'unlock-run'
  | 'unlock-run-page';

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** Seals texts that a caller carries for us, who may neither read nor change them: of one database, whichever server. */
export interface Seal {
  /** base64url; another one each time. */
  close(kind: SealedKind, text: string): string;
  /** undefined where it is none of ours, or of another kind. */
  open(kind: SealedKind, sealed: string): string | undefined;
}

/** Where the key is kept. */
export type SealStore = Pick<Store, 'loadSigningKey'>;

export async function sealOf(store: SealStore): Promise<Seal> {
  // A key of its own: what signs device tokens seals nothing.
  const key = new Uint8Array(
    hkdfSync('sha256', await store.loadSigningKey(), '', 'latchkey sealed text', 32),
  );
  return {
    close(kind, text) {
      const iv = randomBytes(ivBytes);
      const sealing = createCipheriv(cipher, key, iv).setAAD(Buffer.from(kind));
      const sealed = Buffer.concat([iv, sealing.update(text, 'utf8'), sealing.final()]);
      return Buffer.concat([sealed, sealing.getAuthTag()]).toString('base64url');
    },
    open(kind, sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < ivBytes + tagBytes) return undefined;
      const opening = createDecipheriv(cipher, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
      opening.setAAD(Buffer.from(kind)).setAuthTag(bytes.subarray(-tagBytes));
      try {
        return opening.update(bytes.subarray(ivBytes, -tagBytes), undefined, 'utf8') + opening.final('utf8');
      } catch {
        return undefined;
      }
    },
  };
}
