// Media type of a file by its content, as sealgrid.bundle.media_types finds it, with that module's tables. The name
// decides between texts only. ONNX models and the contents of zip archives are told apart by the site, not here.
import { TABLES } from "./media_type_tables.js";

export const SAMPLE_BYTES = 64 << 10; // of a file, enough for its type
const OCTETS = "application/octet-stream";
const [EMPTY, JSON_TYPE, TEXT] = ["application/x-empty", "application/json", "text/plain"];
const PICKLES = ["\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"]; // protocols of Python
const NUMPY_ARCHIVE = "application/x-npz";
const MARKS = [
  ["\xff\xfe\0\0", "utf-32le"],
  ["\0\0\xfe\xff", "utf-32be"],
  ["\xff\xfe", "utf-16le"],
  ["\xfe\xff", "utf-16be"],
]; // of texts that are not in UTF-8, the longest first

// Return the type of a file from its name and its first bytes.
export function mediaType(name, bytes) {
  if (!bytes.length) return EMPTY;
  const raw = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return binaryType(raw) ?? textType(name, bytes) ?? OCTETS;
}

function binaryType(raw) {
  const isMatch = ([offset, magic, type]) =>
    raw.startsWith(magic, offset) && (!TABLES.riff.includes(type) || raw.startsWith("RIFF"));
  const found = TABLES.magic.find(isMatch);
  if (found) return found[2];
  if (raw.startsWith("PK\x05\x06")) return NUMPY_ARCHIVE;
  if (raw.startsWith("PK\x03\x04")) return firstEntry(raw).endsWith(".npy") ? NUMPY_ARCHIVE : "application/zip";
  if (raw.slice(4, 8) === "ftyp") return isoMediaType(raw);
  if (raw.startsWith("BM") && TABLES.bmp_headers.includes(raw.charCodeAt(14)) && raw.slice(15, 18) === "\0\0\0") {
    return "image/bmp";
  }
  if (PICKLES.some((start) => raw.startsWith(start))) return "application/x-python-pickle";
  return raw.slice(8, 10) === '{"' && raw.slice(4, 8) === "\0\0\0\0" ? "application/x-safetensors" : null;
}

// Return the name in the first local header of a zip archive (APPNOTE 4.3.7).
function firstEntry(raw) {
  return raw.slice(30, 30 + raw.charCodeAt(26) + 256 * raw.charCodeAt(27));
}

function isoMediaType(raw) {
  const size = Math.min(Math.max(256 * raw.charCodeAt(2) + raw.charCodeAt(3), 16), 256);
  const brands = [raw.slice(8, 12)];
  for (let at = 16; at < size; at += 4) brands.push(raw.slice(at, at + 4));
  if (brands.some((brand) => TABLES.avif.includes(brand))) return "image/avif";
  return brands.some((brand) => TABLES.heic.includes(brand)) ? "image/heic" : "video/mp4";
}

function textType(name, bytes) {
  const text = decodedStart(bytes);
  if (text === null) return null;
  const start = text.replace(/^[\ufeff \t\r\n\f]+/, "").slice(0, 32);
  const known = TABLES.text_starts.find(([words]) => start.toLowerCase().startsWith(words));
  if (known) return known[1];
  const suffix = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  if (/^[{[]/.test(start) && ![".csv", ".tsv", ".tab"].includes(suffix)) return JSON_TYPE;
  return TABLES.suffixes[suffix] ?? (isScalarJson(text) ? JSON_TYPE : TEXT);
}

// Return the beginning of a text (UTF-8, UTF-16, UTF-32, else a one-byte encoding); null for no text.
function decodedStart(bytes) {
  let text;
  try {
    text = decodeText(bytes, { isSample: bytes.length >= SAMPLE_BYTES });
  } catch {
    text = new TextDecoder("windows-1252").decode(bytes);
  }
  return TABLES.control.some((letter) => text.includes(letter)) ? null : text;
}

// Return a text in UTF-8, UTF-16 or UTF-32; throw an Error for any other. Only a sample can end within a character.
export function decodeText(bytes, { isSample = false } = {}) {
  const encoding = encodingOf(String.fromCharCode(...bytes.subarray(0, 4)));
  if (encoding.startsWith("utf-32")) return decodeUtf32(bytes, encoding === "utf-32le");
  return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: isSample });
}

// Return a text's encoding by its byte order mark, else by NUL bytes in its first characters, as Python's json does.
function encodingOf(start) {
  const marked = MARKS.find(([mark]) => start.startsWith(mark));
  if (marked) return marked[1];
  if (start[0] === "\0") return start[1] === "\0" ? "utf-32be" : "utf-16be";
  if (start[1] === "\0") return start.slice(2, 4) === "\0\0" ? "utf-32le" : "utf-16le";
  return "utf-8";
}

// Browsers have no decoder for it; a number that is not a character throws a RangeError.
function decodeUtf32(bytes, isLittleEndian) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letters = [];
  for (let at = 0; at < bytes.length; at += 4) letters.push(String.fromCodePoint(view.getUint32(at, isLittleEndian)));
  return letters.join("").replace(/^\ufeff/, "");
}

function isScalarJson(text) {
  if (text.length > 1000) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// Return a type in words, for a sentence.
export const label = (type) => TABLES.labels[type] ?? `of the type ${type}`;

// Return whether a file of the type `found` may be one of the declared types.
export function accepts(declared, found) {
  return found !== EMPTY && declared.some((type) => isOneOf(type, found));
}

function isOneOf(declared, found) {
  const isClass = declared.endsWith("/*");
  if (declared === found || (isClass && found.startsWith(declared.slice(0, -1)))) return true;
  const isSniffed = TABLES.sniffed.includes(declared);
  if (declared === TEXT) return found.startsWith("text/") || Object.values(TABLES.suffixes).includes(found);
  if (found === TEXT) return declared.startsWith("text/") || !isSniffed;
  if (TABLES.open_in_browser[found]?.includes(declared)) return true;
  return !isSniffed && !isClass && TABLES.unspecific.includes(found);
}
