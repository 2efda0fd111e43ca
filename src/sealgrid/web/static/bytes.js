// Bytes, as every part of the protocol writes them (docs/protocol/statements.md).
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export { concatBytes, sha256, utf8ToBytes };

export const hex = (bytes) => `0x${bytesToHex(bytes)}`;
export const fromHex = (text) => hexToBytes(text.replace(/^0x/, ""));
export const random = (size) => crypto.getRandomValues(new Uint8Array(size));

export function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// An unsigned integer, big-endian.
export function uint(value, size) {
  const bytes = new Uint8Array(size);
  for (let left = BigInt(value), at = size - 1; at >= 0; at -= 1, left >>= 8n) bytes[at] = Number(left & 255n);
  return bytes;
}

export const toBigInt = (bytes) => BigInt(bytes.length ? hex(bytes) : 0);

// Each part behind its length, so that no two lists of parts look alike.
export const lp = (...parts) => concatBytes(...parts.flatMap((part) => [uint(part.length, 4), part]));

export const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
