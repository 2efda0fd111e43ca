// Checks before a file is sealed that it is an ONNX model with its weights inside (onnx.proto), as the command line does.

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const IR_VERSION = 1;
const GRAPH = 7; // of ModelProto
const INITIALIZER = 5; // of GraphProto
const TENSOR = { externalData: 13, dataLocation: 14, external: 1 };
const ENTRY = { key: 1, value: 2 };

const OTHER_FORMATS = [
  [0, "version https://git-lfs", "a Git LFS pointer without the model; fetch the model with: git lfs pull"],
  [0, "\x1f\x8b", "a gzip file; unpack it"],
  [0, "PK\x03\x04", "a zip archive; unpack it, or export the model to ONNX (PyTorch and Keras save such archives)"],
  [0, "\x80\x02", "a Python pickle; export the model to ONNX"],
  [0, "\x80\x03", "a Python pickle; export the model to ONNX"],
  [0, "\x80\x04", "a Python pickle; export the model to ONNX"],
  [0, "\x80\x05", "a Python pickle; export the model to ONNX"],
  [0, "\x89HDF", "an HDF5 file, as Keras saves; export the model to ONNX"],
  [0, "GGUF", "a GGUF file; onnx-runner runs ONNX only"],
  [4, "TFL3", "a TensorFlow Lite file; convert it to ONNX"],
  [8, "{", "a safetensors file, weights without a graph; export the model to ONNX"],
  [0, "<!DOCTYPE html", "an HTML page; download the file itself"],
  [0, "<html", "an HTML page; download the file itself"],
];

// Throw an Error with a sentence for the owner unless a Blob is an ONNX model with its weights inside.
export async function checkOnnxFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length === 0) throw new Error(`${file.name} is empty.`);
  const format = OTHER_FORMATS.find(([offset, magic]) => startsWith(bytes, offset, magic));
  if (format) throw new Error(`${file.name} is not an ONNX model but ${format[2]}.`);
  let graph = null;
  let hasVersion = false;
  try {
    for (const field of fields(bytes)) {
      if (field.number === IR_VERSION && field.kind === VARINT) hasVersion = true;
      if (field.number === GRAPH && field.kind === BYTES) graph = field.content;
    }
  } catch (error) {
    throw new Error(`${file.name} is not an ONNX model (${error.message}); export the model to ONNX.`);
  }
  if (!hasVersion || !graph) throw new Error(`${file.name} is not an ONNX model (it has no IR version or no graph).`);
  const location = weightsElsewhere(graph);
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

function startsWith(bytes, offset, magic) {
  return [...magic].every((letter, index) => bytes[offset + index] === letter.charCodeAt(0));
}
