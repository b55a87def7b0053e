// Keeps the rows of the home page true while one looks at them.
import { follow } from "./lab-events.js";
import { isOver, isStarting, write } from "./lab-state.js";
import { show } from "./times.js";

// A browser opens six connections to a host over HTTP/1.1, in all its tabs; the rest of the page needs some of them.
const MOST_STREAMS = 3;

const rows = [...document.querySelectorAll(".lab[data-lab][data-events]")];
let streams = [];

function watch(row) {
  const lost = row.querySelector("[data-connection]");
  const time = row.querySelector("time[data-relative]");
  // A stream begins with the steps so far, all at once: only the newest is drawn.
  let newest = null;
  const draw = () => {
    write(row, newest);
    if (time && newest.at) show(time, new Date(newest.at));
    newest = null;
  };
  return follow(row.dataset.events, {
    onMessage(message) {
      if (newest === null) requestAnimationFrame(draw);
      newest = message;
    },
    onConnection(alive) {
      if (lost) lost.hidden = alive;
    },
    onGone: () => location.reload(),
  });
}

function begin() {
  const open = rows.filter((row) => !isOver(row.dataset.state));
  open.sort((one, other) => isStarting(other.dataset.state) - isStarting(one.dataset.state));
  streams = open.slice(0, MOST_STREAMS).map(watch);
}

function end() {
  for (const stop of streams) stop();
  streams = [];
}

if (rows.length > 0) {
  begin();
  document.addEventListener("visibilitychange", () => {
    end();
    if (!document.hidden) begin();
  });
  addEventListener("pagehide", end);
  addEventListener("pageshow", (event) => {
    if (event.persisted) begin();
  });
}
