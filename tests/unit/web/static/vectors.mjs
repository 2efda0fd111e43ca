// The published test vectors, and cases (cases.json) that test_static_scripts.py checks against Python's code.
import { readFileSync } from "node:fs";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));

export const containers = read("../../../vectors/container.json");
export const keys = read("../../../vectors/keys.json");
export const statements = read("../../../vectors/statements.json");
export const cases = read("cases.json");
