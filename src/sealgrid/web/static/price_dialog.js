// Asks once before a purchase: a dialog shows the price with its parts, the balance and the expected time. The agreed
// total goes into the form as the highest price. The site gets neither files nor arguments for it.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.quote) return;
  if (form.dataset.agreed) {
    delete form.dataset.agreed;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation(); // this script is loaded before the others that listen
  askForPrice(form);
});

let latest = 0; // number of the newest question; the dialog shows no older answer

async function askForPrice(form) {
  const number = ++latest;
  const dialog = document.getElementById("price-dialog");
  const content = dialog.querySelector("div");
  content.textContent = "Asking the market for the price, and the vaults whether they would release the keys …";
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "buy") return;
    form.elements.max_price.value = content.querySelector("[data-total]").dataset.total;
    form.dataset.agreed = "yes";
    form.requestSubmit();
  };
  dialog.showModal();
  const fields = new FormData(form);
  const body = new URLSearchParams(["model", "pool"].map((name) => [name, fields.get(name)]));
  const headers = { "hx-request": "true", "x-sealgrid-wallet": "1" };
  try {
    const response = await fetch(form.dataset.quote, { method: "POST", headers, body });
    if (!response.ok) throw new Error((await response.json()).message);
    const answer = await response.text();
    if (number === latest) content.innerHTML = answer;
  } catch (error) {
    if (number === latest) showRefusal(content, error.message);
  }
}

function showRefusal(content, message) {
  const sentence = document.createElement("p");
  sentence.className = "warning";
  sentence.textContent = message;
  const form = document.createElement("form");
  form.method = "dialog";
  const close = document.createElement("button");
  close.textContent = "Close";
  form.append(close);
  content.replaceChildren(sentence, form);
}
