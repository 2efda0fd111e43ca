// Notifications of the browser: each event once, none from before they were switched on.
import assert from "node:assert/strict";
import test from "node:test";
import { eventsAddress, unseen } from "/static/notifications.js";

const event = (id, time) => ({ kind: "sold", id, asset: "0x1", time });
const START = { start: 100, since: 100, seen: [] };

test("an event is shown once, and the next question begins shortly before it", () => {
  const first = unseen(START, [event("a", 120), event("b", 130)]);
  assert.deepEqual(
    first.fresh.map(({ id }) => id),
    ["a", "b"],
  );
  assert.equal(eventsAddress("0x2", first.state), "/account/events.json?account=0x2&since=120");
  const second = unseen(first.state, [event("b", 130), event("c", 125)]);
  assert.deepEqual(
    second.fresh.map(({ id }) => id),
    ["c"],
    "indexed late",
  );
  assert.equal(second.state.since, 130);
});

test("an event from before the start is not shown", () => {
  assert.deepEqual(unseen(START, [event("a", 99)]).fresh, []);
  assert.equal(eventsAddress("0x2", START), "/account/events.json?account=0x2&since=100");
});

test("what was shown is remembered within a bound", () => {
  const many = Array.from({ length: 600 }, (_, number) => event(`${number}`, 200));
  assert.equal(unseen(START, many).state.seen.length, 500);
});
