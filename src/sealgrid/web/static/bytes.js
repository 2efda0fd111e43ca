// Byte encodings of the protocol (docs/protocol/statements.md).
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export { concatBytes, sha256, utf8ToBytes };

export const hex = (bytes) => `0x${bytesToHex(bytes)}`;
export const fromHex = (text) => hexToBytes(text.replace(/^0x/, ""));
export const randomBytes = (size) => crypto.getRandomValues(new Uint8Array(size));

export function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Encode an unsigned integer, big-endian.
export function uint(value, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(value);
  for (let index = size - 1; index >= 0; index -= 1) {
    bytes[index] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

export const toBigInt = (bytes) => BigInt(bytes.length ? hex(bytes) : 0);

// Concatenate parts, each behind its 4-byte length: an injective encoding of a list.
export const lengthPrefixed = (...parts) => concatBytes(...parts.flatMap((part) => [uint(part.length, 4), part]));

export const equalBytes = (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]);
