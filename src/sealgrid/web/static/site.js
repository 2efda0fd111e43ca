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
  if (form.dataset.busy) {
    const button = form.querySelector("button");
    button.disabled = true;
    button.dataset.label = button.textContent;
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-live", "polite");
  }
});

// Reload a page that comes from the back/forward cache: it would still look busy.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

// Copy the code of a snippet; the buttons are hidden where scripts do not run.
for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.closest("figure").querySelector("pre").textContent);
  const label = button.firstChild.textContent;
  button.firstChild.textContent = "Copied";
  setTimeout(() => {
    button.firstChild.textContent = label;
  }, 2000);
});
