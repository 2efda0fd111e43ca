// Stores the browser's keys in localStorage, as documents that the command line reads too: sealgrid/job/1 and
// sealgrid/model/1.
const storageKey = (kind, id) => `sealgrid-${kind}-${id}`;

// Called before anything depends on the key: closing the page must not lose a paid result or a model.
export function storeDocument(kind, id, content) {
  const created = Math.floor(Date.now() / 1000);
  try {
    localStorage.setItem(storageKey(kind, id), JSON.stringify({ schema: `sealgrid/${kind}/1`, ...content, created }));
  } catch {
    throw new Error("This browser's storage is full: the key cannot be stored. Nothing was bought or registered.");
  }
}

// Return the document; null if this browser does not have it.
export const loadDocument = (kind, id) => JSON.parse(localStorage.getItem(storageKey(kind, id)));

// Return a paragraph with a download link for the document; null if this browser does not have it.
export function downloadLink(kind, id) {
  const content = localStorage.getItem(storageKey(kind, id));
  if (!content) return null;
  const href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const textContent = "Save a copy of the key";
  const link = Object.assign(document.createElement("a"), { href, download: `${id}.json`, textContent });
  const line = Object.assign(document.createElement("p"), { className: "dim" });
  line.append(
    "Its key is stored in this browser only. ",
    link,
    `; the command line reads it from its ${kind}s folder.`,
  );
  return line;
}
