// What pages do beyond plain forms: switch accounts, show that something is under way, ask before the irreversible.
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
    button.dataset.words = button.textContent;
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-live", "polite");
  }
});

// A page that comes back from the history is not busy any more.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
