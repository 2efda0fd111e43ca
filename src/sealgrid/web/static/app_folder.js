// Packs the folder that a developer chooses into the zip that the form sends.
import { zipSync } from "fflate";

const SKIPPED = new Set(["__pycache__", ".git", ".DS_Store", ".venv", "node_modules"]);
const ZIP_EPOCH = new Date(1980, 0, 1);
const MAX_FILES = 2000;

// Return the paths of a folder's Files to pack, with the Files; throw where the site would refuse it.
export function filesToPack(files, maxBytes) {
  const kept = [...files].filter((file) => !file.webkitRelativePath.split("/").some((part) => SKIPPED.has(part)));
  if (!kept.some((file) => file.webkitRelativePath.split("/").slice(1).join("/") === "app.toml")) {
    throw new Error("This folder has no app.toml. Nothing was packed.");
  }
  checkRequirements(kept.map((file) => file.webkitRelativePath.split("/").slice(1).join("/")));
  if (kept.length > MAX_FILES)
    throw new Error(`This folder has ${kept.length} files; an app has at most ${MAX_FILES}. Nothing was packed.`);
  const bytes = kept.reduce((sum, file) => sum + file.size, 0);
  if (bytes > maxBytes)
    throw new Error(`This folder has ${bytes} bytes; this page takes at most ${maxBytes}. Nothing was packed.`);
  return kept.map((file) => [file.webkitRelativePath, file]);
}

// The site fetches no packages: throw, with the command that does, for requirements without a lock or without wheels.
function checkRequirements(paths) {
  const isLocked = paths.includes("requirements.lock");
  if (!isLocked && !paths.includes("requirements.txt")) return;
  if (isLocked && paths.some((path) => /^wheels\/[^/]+\.whl$/.test(path))) return;
  const missing = isLocked ? "a requirements.lock without its wheels" : "a requirements.txt without a lock";
  throw new Error(
    `This folder has ${missing}, and this page fetches no packages. Run in a terminal: sealgrid app lock DIR. ` +
      "It fetches the wheels and pins them; then choose the folder again. Nothing was packed.",
  );
}

async function packFolder(field) {
  const archive = field.form.elements.archive;
  const entries = {};
  for (const [path, file] of filesToPack(field.files, Number(archive.dataset.maxBytes))) {
    entries[path] = new Uint8Array(await file.arrayBuffer());
  }
  const name = `${field.files[0].webkitRelativePath.split("/")[0]}.zip`;
  const content = zipSync(entries, { level: 0, mtime: ZIP_EPOCH });
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name, { type: "application/zip" }));
  archive.files = transfer.files;
  return `${name} has ${Object.keys(entries).length} files.`;
}

if (globalThis.document) {
  const part = document.querySelector("[data-folder]");
  const field = part.querySelector("input");
  part.hidden = false;
  field.addEventListener("change", async () => {
    if (!field.files.length) return;
    const status = part.querySelector("[role=status]");
    status.textContent = await packFolder(field).catch((error) => error.message);
  });
}
