// Sealed files: SGC1, a chunked AEAD container (docs/protocol/container.md), on the browser's AES-GCM and HKDF.
import { concatBytes, equalBytes, randomBytes, sha256, toBigInt, uint, utf8ToBytes } from "./bytes.js";

const MAGIC = concatBytes(utf8ToBytes("SGC1"), Uint8Array.of(1, 1)); // version 1, AES-256-GCM
const HKDF_INFO = utf8ToBytes("sealgrid/container/1");
const FIXED_HEADER_BYTES = 70; // before the metadata
const TAG_BYTES = 16;
const MIN_CHUNK_BYTES = 64;
const MAX_CHUNK_BYTES = 64 << 20;
const MAX_METADATA_BYTES = 64 << 10;
const DEFAULT_CHUNK_BYTES = 4 << 20;

// Seal a Blob under a 32-byte key; return the sealed Blob and its SHA-256. At most two chunks are in memory at once.
export async function seal(source, dek, options = {}) {
  const {
    keyId = randomBytes(16),
    salt = randomBytes(32),
    metadata = new Uint8Array(),
    chunkSize = DEFAULT_CHUNK_BYTES,
    onProgress = () => {},
  } = options;
  const encoded = concatBytes(
    MAGIC,
    uint(chunkSize, 4),
    uint(source.size, 8),
    salt,
    keyId,
    uint(metadata.length, 4),
    metadata,
  );
  const header = { size: source.size, chunkSize, metadata, encoded };
  const { key, hash } = await deriveFileKey(dek, salt, encoded);
  const parts = [encoded];
  const hasher = sha256.create().update(encoded);
  for (let index = 0; index < countChunks(header); index += 1) {
    const plain = await source.slice(index * chunkSize, (index + 1) * chunkSize).arrayBuffer();
    const sealed = new Uint8Array(await crypto.subtle.encrypt(chunkCipher(header, hash, index), key, plain));
    hasher.update(sealed);
    parts.push(new Blob([sealed])); // a browser may move Blobs out of memory
    onProgress(index + 1, countChunks(header));
  }
  return { sealed: new Blob(parts), sha256: hasher.digest() };
}

// Parse the header of a sealed file, checks (1) and (2). It is unauthenticated until a chunk verifies.
export function readHeader(file) {
  if (file.length < FIXED_HEADER_BYTES || !equalBytes(file.subarray(0, 6), MAGIC)) {
    throw new Error("(1) This is not a sealed file.");
  }
  const number = (start, end) => Number(toBigInt(file.subarray(start, end)));
  const [chunkSize, size, length] = [number(6, 10), number(10, 18), number(66, 70)];
  if (length > MAX_METADATA_BYTES || chunkSize < MIN_CHUNK_BYTES || chunkSize > MAX_CHUNK_BYTES) {
    throw new Error("(2) The sealed file's header has a chunk or metadata size beyond the limits.");
  }
  if (file.length < FIXED_HEADER_BYTES + length) throw new Error("(1) The sealed file ends inside its header.");
  const encoded = file.subarray(0, FIXED_HEADER_BYTES + length);
  return { size, chunkSize, salt: file.subarray(18, 50), metadata: encoded.subarray(FIXED_HEADER_BYTES), encoded };
}

// Return the whole plaintext of a sealed file; throw unless every chunk verifies.
export async function open(file, dek) {
  const header = readHeader(file);
  if (file.length !== header.encoded.length + header.size + countChunks(header) * TAG_BYTES) {
    throw new Error("(3) The sealed file is truncated or has trailing bytes.");
  }
  const { key, hash } = await deriveFileKey(dek, header.salt, header.encoded);
  const plain = new Uint8Array(header.size);
  for (let index = 0; index < countChunks(header); index += 1) {
    const start = header.encoded.length + index * (header.chunkSize + TAG_BYTES);
    const sealed = file.subarray(start, start + header.chunkSize + TAG_BYTES);
    plain.set(await decryptChunk(chunkCipher(header, hash, index), key, sealed), index * header.chunkSize);
  }
  return plain;
}

async function decryptChunk(cipher, key, sealed) {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipher, key, sealed));
  } catch {
    throw new Error("(4) A chunk was altered or moved, or the key is wrong.");
  }
}

const countChunks = (header) => Math.max(1, Math.ceil(header.size / header.chunkSize));

function chunkCipher(header, hash, index) {
  const iv = concatBytes(uint(index, 8), uint(index === countChunks(header) - 1 ? 1 : 0, 4));
  return { name: "AES-GCM", iv, additionalData: concatBytes(hash, iv) };
}

async function deriveFileKey(dek, salt, encoded) {
  const hash = sha256(encoded);
  const secret = await crypto.subtle.importKey("raw", dek, "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt, info: concatBytes(HKDF_INFO, hash) };
  const cipher = { name: "AES-GCM", length: 256 };
  return { hash, key: await crypto.subtle.deriveKey(derivation, secret, cipher, false, ["encrypt", "decrypt"]) };
}
