// The page refuses a file that is no ONNX model, or whose weights lie elsewhere, before it is sealed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkOnnxFile } from "/static/onnx_file.js";

const GRAPH = [0x3a, 0x02, 0x12, 0x00];
const MODEL = [0x08, 0x08, ...GRAPH, 0x42, 0x02, 0x10, 0x0d];

function file(bytes) {
  return new File([new Uint8Array(bytes)], "file.onnx");
}

function text(words) {
  return [...words].map((letter) => letter.charCodeAt(0));
}

function field(number, content) {
  return [(number << 3) | 2, content.length, ...content];
}

test("a model passes, in any order of its fields", async () => {
  await checkOnnxFile(file(MODEL));
  await checkOnnxFile(file([...GRAPH, 0x08, 0x08]));
});

test("a file of another format is named", async () => {
  const cases = [
    [[], /is empty/],
    [text("version https://git-lfs.github.com/spec/v1\n"), /a Git LFS pointer/],
    [[0x1f, 0x8b, 8], /a gzip file/],
    [text("PK\x03\x04data"), /a zip archive/],
    [[0x80, 4, 0x95], /a Python pickle/],
    [text("BZh91AY"), /a bzip2 file/],
    [text("<!DOCTYPE html>"), /an HTML page/],
    [text("\xef\xbb\xbf <!doctype html>"), /an HTML page/],
    [[0x08, 0x08, 0x3a, 1, 0xff], /file.onnx is not an ONNX model \(it is not protobuf/],
    [[...new Array(8).fill(0), 0x7b], /a safetensors file/],
    [text("these are not the weights you are looking for"), /not protobuf/],
    [MODEL.slice(0, -1), /cut short/],
    [GRAPH, /no IR version/],
    [[0x08, 0x08], /no graph/],
  ];
  for (const [bytes, reason] of cases) await assert.rejects(checkOnnxFile(file(bytes)), reason);
});

test("a model whose weights lie in another file is refused with that file's name", async () => {
  const location = [...field(1, text("location")), ...field(2, text("file.onnx.data"))];
  const tensor = [...field(8, text("w")), ...field(13, location), 0x70, 0x01];
  const model = [0x08, 0x08, ...field(7, field(5, tensor))];
  await assert.rejects(checkOnnxFile(file(model)), /weights in another file, file.onnx.data/);
  await checkOnnxFile(file([0x08, 0x08, ...field(7, field(5, field(8, text("w"))))]));
});
