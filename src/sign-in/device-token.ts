import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { User } from '../domain/user.ts';

/** How long a device stays known after the sign-in that made it so. */
const deviceLifeMs = 180 * 86_400_000;
const tokenLengthMax = 1_000;

/** What a device token says, signed. The user's time of creation: whoever gets a deleted id inherits no device. */
interface DeviceFacts {
  readonly deviceId: string;
  readonly userId: string;
  readonly createdAt: number;
  readonly issuedAt: number;
}

/** In the place of a hash, for whose password an application checks: that it was changed, nobody tells us. */
export const noPassword = 'no password here';

/** 96 random bits: no two devices of a user share a counter. */
export function newDeviceId(): string {
  return randomBytes(12).toString('base64url');
}

/** Whose device it is. */
export interface DeviceOwner extends Pick<User, 'userId' | 'createdAt'> {
  /** Of the password that the device knew, or is asked about now. */
  readonly passwordHash: string;
}

/** A token that this device shows at its next sign-ins as this user: `facts.signature`, both base64url. */
export function signDevice(
  key: Uint8Array,
  { userId, createdAt, passwordHash }: DeviceOwner,
  device: { readonly deviceId: string; readonly issuedAt: number },
): string {
  const facts: DeviceFacts = { ...device, userId, createdAt };
  const text = Buffer.from(JSON.stringify(facts)).toString('base64url');
  return `${text}.${signatureOf(key, text, passwordHash).toString('base64url')}`;
}

/** The id of the device that the token is of; undefined where it is not of this user, not ours, or too old. */
export function readDevice(
  key: Uint8Array,
  token: string,
  { userId, createdAt, passwordHash, nowMs }: DeviceOwner & { readonly nowMs: number },
): string | undefined {
  const [text, signature] = token.length > tokenLengthMax ? [] : token.split('.');
  if (text === undefined || signature === undefined) return undefined;
  const [presented, right] = [Buffer.from(signature, 'base64url'), signatureOf(key, text, passwordHash)];
  if (presented.length !== right.length || !timingSafeEqual(presented, right)) return undefined;
  const facts = JSON.parse(Buffer.from(text, 'base64url').toString()) as DeviceFacts;
  const isTheirs = facts.userId === userId && facts.createdAt === createdAt;
  return isTheirs && nowMs < facts.issuedAt + deviceLifeMs ? facts.deviceId : undefined;
}

// The purpose is signed too: a key that one day signs something else makes no devices. And so is what the password is
// kept as: with a new one every device is a stranger, whoever it was that knew the old one. Deactivation, and a lock and
// its end, leave devices known: the token opens nothing without the password, which is changed where it got about.
function signatureOf(key: Uint8Array, text: string, passwordHash: string): Buffer {
  // See createRepeatedPasswords: of bytes a key made by hand is the cheaper one.
  return createHmac('sha256', createSecretKey(key)).update(`device.${text}.${passwordHash}`).digest();
}
