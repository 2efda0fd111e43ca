// A folder that a developer chooses: which files are packed, and what is refused before it is packed.
import assert from "node:assert/strict";
import test from "node:test";
import { filesToPack } from "/static/app_folder.js";

const file = (webkitRelativePath, size = 1) => ({ webkitRelativePath, size });
const APP = [file("mine/app.toml"), file("mine/main.py")];

test("files of tools are left out", () => {
  const files = [...APP, file("mine/.git/config"), file("mine/__pycache__/main.pyc"), file("mine/a/.DS_Store")];
  assert.deepEqual(
    filesToPack(files, 100).map(([path]) => path),
    ["mine/app.toml", "mine/main.py"],
  );
});

test("requirements without a lock or its wheels are refused with the command that fetches them", () => {
  const listed = [...APP, file("mine/requirements.txt")];
  assert.throws(() => filesToPack(listed, 100), /requirements.txt without a lock.*sealgrid app lock DIR/);
  const locked = [...listed, file("mine/requirements.lock")];
  assert.throws(() => filesToPack(locked, 100), /without its wheels.*sealgrid app lock DIR/);
  assert.equal(filesToPack([...locked, file("mine/wheels/rows-1.0-py3-none-any.whl")], 100).length, 5);
});

test("a folder without an app, with too many files or bytes is refused", () => {
  assert.throws(() => filesToPack([file("mine/sub/app.toml")], 100), /no app.toml/);
  assert.throws(() => filesToPack([...APP, file("mine/big", 99)], 100), /at most 100/);
  const many = Array.from({ length: 2000 }, (_, number) => file(`mine/${number}`));
  assert.throws(() => filesToPack([...APP, ...many], 1e6), /at most 2000/);
});
