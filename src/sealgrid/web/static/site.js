// Form behaviour of every page: submit on change, confirm the irreversible, show that a request is under way.
"use strict";

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (!form.dataset.busy) return;
  showBusy(form);
  // Forms that an external wallet signs are sent by wallet.js.
  if (document.body.dataset.wallet && "wallet" in form.dataset) return;
  event.preventDefault();
  send(form);
});

function showBusy(form) {
  const button = form.querySelector("button:not([type=button])");
  button.disabled = true;
  button.dataset.label = button.textContent;
  button.textContent = form.dataset.busy;
  button.setAttribute("aria-live", "polite");
}

// Send a form and open the page that it leads to. If the site refuses it, the form shows why and keeps its values.
async function send(form) {
  const fields = new FormData(form);
  const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
  // The page that follows is requested once more below, where it shows its notice; errors come as JSON.
  const headers = { "hx-request": "true", "x-sealgrid-wallet": "1" };
  try {
    const response = await fetch(form.getAttribute("action") ?? window.location.pathname, {
      method: "POST",
      headers,
      body,
    });
    if (!response.ok) throw new Error(await refusalOf(response));
    window.location.assign(response.url);
  } catch (error) {
    const isNetworkError = error instanceof TypeError;
    showFormError(
      form,
      isNetworkError
        ? "The site did not answer. Check your account before you try again: the request may have had its effect."
        : error.message,
    );
  }
}

async function refusalOf(response) {
  try {
    return (await response.json()).message;
  } catch {
    return `The site refused the form (HTTP status ${response.status}); try again later.`;
  }
}

function showFormError(form, message) {
  let line = form.querySelector(".form-error");
  if (!line) {
    line = Object.assign(document.createElement("p"), { className: "warning form-error" });
    line.setAttribute("role", "alert");
    form.append(line);
  }
  line.textContent = message;
  line.scrollIntoView({ block: "nearest" });
  const button = form.querySelector("button:not([type=button])");
  button.disabled = false;
  if (button.dataset.label) button.textContent = button.dataset.label;
}

// Refuse files above the site's limit before they are uploaded.
function tooLarge(field) {
  const bytes = [...field.files].reduce((sum, file) => sum + file.size, 0);
  const megabytes = (count) => `${(count / 1e6).toFixed(1)} MB`;
  if (bytes <= Number(field.dataset.maxBytes)) return "";
  return `These files have ${megabytes(bytes)}, and this page takes at most ${megabytes(field.dataset.maxBytes)}. Nothing was sent.`;
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (!field.form) return;
  field.form.querySelector(".form-error")?.remove();
  const fault = field.matches("input[data-max-bytes]") ? tooLarge(field) : "";
  if (fault) showFormError(field.form, fault);
});

// Before every other handler of the form.
document.addEventListener(
  "submit",
  (event) => {
    const fields = [...event.target.querySelectorAll("input[data-max-bytes]")];
    const fault = fields.map(tooLarge).find(Boolean);
    if (!fault) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    showFormError(event.target, fault);
  },
  true,
);

// Reload a page that comes from the back/forward cache: it would still look busy.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

// Copy the code of a snippet, or the page's address; the buttons are hidden where scripts do not run.
const COPY_BUTTONS = "button[data-copy], button[data-copy-link]";
if (navigator.clipboard) for (const button of document.querySelectorAll(COPY_BUTTONS)) button.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target.closest(COPY_BUTTONS);
  if (!button) return;
  const address = `${window.location.origin}${window.location.pathname}`;
  const isLink = "copyLink" in button.dataset;
  await navigator.clipboard.writeText(isLink ? address : button.closest("figure").querySelector("pre").textContent);
  const label = button.firstChild.textContent;
  button.firstChild.textContent = "Copied";
  setTimeout(() => {
    button.firstChild.textContent = label;
  }, 2000);
});
