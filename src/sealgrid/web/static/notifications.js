// Shows an account's events as notifications of this browser, while a page of the site is open and they are switched on.
const STORAGE_KEY = "sealgrid-notifications";
const POLL_MS = 10_000;
const OVERLAP_SECONDS = 10; // a block may be indexed later than its time
const MAX_SEEN = 500;

// Return the events that were not shown, and the state after showing them: {since, seen}.
export function unseen(state, events) {
  const key = (event) => `${event.kind} ${event.id} ${event.asset}`;
  const seen = new Set(state.seen);
  const fresh = events.filter((event) => event.time >= state.start && !seen.has(key(event)));
  const since = Math.max(state.since, ...fresh.map((event) => event.time));
  return { fresh, state: { ...state, since, seen: [...state.seen, ...fresh.map(key)].slice(-MAX_SEEN) } };
}

// Return where to ask for events: from a little before the newest one.
export const eventsAddress = (account, { start, since }) =>
  `/account/events.json?account=${account}&since=${Math.max(start, since - OVERLAP_SECONDS)}`;

function watch(account) {
  const load = () => JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}");
  const store = (state) => localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...load(), [account]: state }));
  const isOn = () => Boolean(load()[account]) && Notification.permission === "granted";

  async function poll() {
    if (!isOn()) return;
    const state = load()[account];
    const response = await fetch(eventsAddress(account, state)).catch(() => null);
    if (!response?.ok) return;
    const { fresh, state: next } = unseen(state, (await response.json()).events);
    if (isOn()) store(next);
    for (const event of fresh) show(event);
  }

  function show({ text, path, id }) {
    const notification = new Notification("Sealgrid", { body: text, tag: id, icon: "/static/seal.svg" });
    notification.onclick = () => {
      window.focus();
      window.location.assign(path);
    };
  }

  // One page at a time asks and shows.
  const turn = () => navigator.locks.request(STORAGE_KEY, { ifAvailable: true }, (lock) => (lock ? poll() : null));
  setInterval(turn, POLL_MS);
  turn();

  const button = document.querySelector("button[data-notify]");
  if (!button) return;
  const status = button.parentElement.querySelector("[role=status]");
  const label = () => {
    button.textContent = isOn() ? "Stop notifying me" : "Notify me in this browser";
    status.textContent = isOn() ? "On while a page of this site is open." : "";
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (isOn()) {
      store(undefined);
    } else if ((await Notification.requestPermission()) === "granted") {
      const { now } = await (await fetch("/account/events.json")).json();
      store({ start: now, since: now, seen: [] });
    } else {
      status.textContent = "This browser refuses notifications of this site; allow them in its settings.";
      return;
    }
    label();
  });
  label();
}

const account = globalThis.document?.body.dataset.account;
if (account && globalThis.Notification && navigator.locks) watch(account);
