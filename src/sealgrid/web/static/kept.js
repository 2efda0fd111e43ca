// The keys of results, in this browser's own storage; a copy opens with the command line as well (sealgrid/job/1).
import { hex } from "./bytes.js";

const name = (task) => `sealgrid-job-${task}`;

// Keep a job and its key from before its deal is made: a page that closes must not lose a paid result.
export function keep(job, secret) {
  const created = Math.floor(Date.now() / 1000);
  const document = { schema: "sealgrid/job/1", ...job, created, result_key: hex(secret).slice(2) };
  try {
    localStorage.setItem(name(job.task), JSON.stringify(document));
  } catch {
    throw new Error("This browser's storage is full, so the result's key cannot be kept; nothing was bought.");
  }
}

// Return the document of a task, or null where this browser did not buy it.
export const kept = (task) => JSON.parse(localStorage.getItem(name(task)));
