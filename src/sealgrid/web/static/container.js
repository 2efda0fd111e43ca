// Sealed files: SGC1, a chunked AEAD container (docs/protocol/container.md). AES-GCM and HKDF are the browser's own.
import { concatBytes, random, same, sha256, toBigInt, uint, utf8ToBytes } from "./bytes.js";

const START = concatBytes(utf8ToBytes("SGC1"), Uint8Array.of(1, 1)); // magic, version 1, AES-256-GCM
const INFO = utf8ToBytes("sealgrid/container/1");
const FIXED = 70; // bytes of a header before its metadata
const TAG = 16;
const LEAST_CHUNK = 64;
const MOST_CHUNK = 64 << 20;
const MOST_METADATA = 64 << 10;
const CHUNK = 4 << 20;

// Seal a Blob under a 32-byte key; return the sealed Blob and its SHA-256. Only two chunks are in memory at once.
export async function seal(source, dek, {
  keyId = random(16), salt = random(32), metadata = new Uint8Array(), chunkSize = CHUNK, told = () => {},
} = {}) {
  const header = { size: source.size, chunkSize, metadata };
  const fixed = [START, uint(chunkSize, 4), uint(source.size, 8), salt, keyId, uint(metadata.length, 4), metadata];
  header.encoded = concatBytes(...fixed);
  const { key, hash } = await fileKey(dek, salt, header.encoded);
  const parts = [header.encoded];
  const running = sha256.create().update(header.encoded);
  for (let index = 0; index < chunks(header); index += 1) {
    const plain = await source.slice(index * chunkSize, (index + 1) * chunkSize).arrayBuffer();
    const sealed = new Uint8Array(await crypto.subtle.encrypt(at(header, hash, index), key, plain));
    running.update(sealed);
    parts.push(new Blob([sealed])); // a browser may move Blobs out of memory
    told(index + 1, chunks(header));
  }
  return { sealed: new Blob(parts), sha256: running.digest() };
}

// Return the header of a sealed file's bytes, untrusted until a chunk verified; refuse as (1) and (2) of the document.
export function readHeader(file) {
  if (file.length < FIXED || !same(file.subarray(0, 6), START)) throw new Error("(1) This is no sealed file.");
  const number = (from, to) => Number(toBigInt(file.subarray(from, to)));
  const [chunkSize, size, length] = [number(6, 10), number(10, 18), number(66, 70)];
  if (length > MOST_METADATA || chunkSize < LEAST_CHUNK || chunkSize > MOST_CHUNK) {
    throw new Error("(2) The sealed file's header asks for a chunk or metadata beyond the limits.");
  }
  if (file.length < FIXED + length) throw new Error("(1) The sealed file ends inside its header.");
  const encoded = file.subarray(0, FIXED + length);
  return { size, chunkSize, salt: file.subarray(18, 50), metadata: encoded.subarray(FIXED), encoded };
}

// Return the plaintext of a sealed file's bytes, whole or not at all.
export async function open(file, dek) {
  const header = readHeader(file);
  if (file.length !== header.encoded.length + header.size + chunks(header) * TAG) {
    throw new Error("(3) The sealed file is cut short or has bytes behind its end.");
  }
  const { key, hash } = await fileKey(dek, header.salt, header.encoded);
  const plain = new Uint8Array(header.size);
  for (let index = 0; index < chunks(header); index += 1) {
    const from = header.encoded.length + index * (header.chunkSize + TAG);
    const sealed = file.subarray(from, from + header.chunkSize + TAG);
    plain.set(await opened(at(header, hash, index), key, sealed), index * header.chunkSize);
  }
  return plain;
}

async function opened(place, key, sealed) {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(place, key, sealed));
  } catch {
    throw new Error("(4) A chunk was altered or moved, or this is not its key.");
  }
}

const chunks = (header) => Math.max(1, Math.ceil(header.size / header.chunkSize));

function at(header, hash, index) {
  const place = concatBytes(uint(index, 8), uint(index === chunks(header) - 1 ? 1 : 0, 4));
  return { name: "AES-GCM", iv: place, additionalData: concatBytes(hash, place) };
}

async function fileKey(dek, salt, encoded) {
  const hash = sha256(encoded);
  const secret = await crypto.subtle.importKey("raw", dek, "HKDF", false, ["deriveKey"]);
  const derived = { name: "HKDF", hash: "SHA-256", salt, info: concatBytes(INFO, hash) };
  const kind = { name: "AES-GCM", length: 256 };
  return { hash, key: await crypto.subtle.deriveKey(derived, secret, kind, false, ["encrypt", "decrypt"]) };
}
