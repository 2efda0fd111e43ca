// HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { concatBytes } from "./bytes.js";

const ENC_BYTES = 32;
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

// Return a fresh key pair, 32 bytes each.
export async function generateKeyPair() {
  const { publicKey, privateKey } = await suite.kem.generateKeyPair();
  const serialized = [suite.kem.serializePublicKey(publicKey), suite.kem.serializePrivateKey(privateKey)];
  const [publicBytes, secretBytes] = await Promise.all(serialized);
  return { public: new Uint8Array(publicBytes), secret: new Uint8Array(secretBytes) };
}

// Return the encapsulated key and the ciphertext, concatenated.
export async function seal(recipient, plain, info) {
  const recipientPublicKey = await suite.kem.deserializePublicKey(recipient);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plain);
  return concatBytes(new Uint8Array(enc), new Uint8Array(ct));
}

export async function open(secret, sealed, info) {
  const recipientKey = await suite.kem.deserializePrivateKey(secret);
  const enc = sealed.slice(0, ENC_BYTES);
  return new Uint8Array(await suite.open({ recipientKey, enc, info }, sealed.slice(ENC_BYTES)));
}
