// Checks before a file is sealed that it is an ONNX model with its weights inside (onnx.proto), as the command line does.

import { MAGIC_NUMBERS } from "./media_type_tables.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const IR_VERSION = 1;
const GRAPH = 7; // of ModelProto
const INITIALIZER = 5; // of GraphProto
const TENSOR = { externalData: 13, dataLocation: 14, external: 1 };
const ENTRY = { key: 1, value: 2 };

const ARCHIVE = "a zip archive; unpack it, or export the model to ONNX (PyTorch and Keras save such archives)";
const PICKLE = "a Python pickle; export the model to ONNX";
const HTML_PAGE = "an HTML page, perhaps that of a login; download the file itself";
const HTML = /^\s*<(!doctype|html|head|body)\b/i;
const START = 512; // bytes that are enough

// Throw an Error with a sentence for the owner unless a Blob is an ONNX model with its weights inside.
export async function checkOnnxFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length === 0) throw new Error(`${file.name} is empty.`);
  const format = otherFormat(String.fromCharCode(...bytes.subarray(0, START)));
  if (format) throw new Error(`${file.name} is not an ONNX model but ${format}.`);
  let graph = null;
  let hasVersion = false;
  let location = null;
  try {
    for (const field of fields(bytes)) {
      if (field.number === IR_VERSION && field.kind === VARINT) hasVersion = true;
      if (field.number === GRAPH && field.kind === BYTES) graph = field.content;
    }
    if (graph) location = weightsElsewhere(graph);
  } catch (error) {
    throw new Error(`${file.name} is not an ONNX model (${error.message}); export the model to ONNX.`);
  }
  if (!hasVersion || !graph)
    throw new Error(`${file.name} is not an ONNX model (it has no IR version or no graph); export the model to ONNX.`);
  if (location !== null) {
    throw new Error(
      `${file.name} has its weights in another file, ${location}. Publish it with the command line, which puts them ` +
        "inside, or export the model with its weights inside: torch.onnx.export(…, external_data=False).",
    );
  }
}

// Yield number, wire type and content of each field of a message.
function* fields(message) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1, byte; ; scale *= 128) {
      byte = message[at++];
      if (byte === undefined || scale > 2 ** 63) throw new Error("it is not protobuf, or it is cut short");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [number, kind] = [Math.floor(tag / 8), tag % 8];
    if (number === 0 || ![VARINT, FIXED64, BYTES, FIXED32].includes(kind)) throw new Error("it is not protobuf");
    const value = kind === VARINT ? varint() : 0;
    const length = { [VARINT]: () => 0, [FIXED64]: () => 8, [BYTES]: varint, [FIXED32]: () => 4 }[kind]();
    if (at + length > message.length) throw new Error("it is not protobuf, or it is cut short");
    yield { number, kind, value, content: message.subarray(at, at + length) };
    at += length;
  }
}

// Return the name of the file with a graph's weights; null if they are inside.
function weightsElsewhere(graph) {
  for (const { number, kind, content } of fields(graph)) {
    if (number !== INITIALIZER || kind !== BYTES) continue;
    const tensor = [...fields(content)];
    if (!tensor.some((field) => field.number === TENSOR.dataLocation && field.value === TENSOR.external)) continue;
    const entries = tensor.filter((field) => field.number === TENSOR.externalData).map((field) => entry(field.content));
    return Object.fromEntries(entries).location ?? "";
  }
  return null;
}

function entry(message) {
  const texts = Object.fromEntries([...fields(message)].map((field) => [field.number, decode(field.content)]));
  return [texts[ENTRY.key] ?? "", texts[ENTRY.value] ?? ""];
}

function decode(content) {
  return new TextDecoder().decode(content);
}

// Return what a file is by its first bytes, as Latin-1 text, if it is well known and no ONNX model. The command line
// looks into archives and pickles as well.
function otherFormat(start) {
  const known = MAGIC_NUMBERS.find(([offset, magic]) => start.startsWith(magic, offset));
  if (known) return known[2];
  if (start.startsWith("PK\x03\x04")) return ARCHIVE;
  if (start[0] === "\x80" && start[1] <= "\x05") return PICKLE;
  return HTML.test(start.replace("\xef\xbb\xbf", "")) ? HTML_PAGE : null;
}
