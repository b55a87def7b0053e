// Writes a lab's newest state into its element ([data-lab]): attributes for the style sheet, words, progress, address, message.
const STARTING = new Set(["submitted", "queued", "starting"]);
const STOPPABLE = new Set([...STARTING, "running"]);
const OVER = new Set(["stopped", "ended"]);

export const isOver = (state) => OVER.has(state);
export const isStarting = (state) => STARTING.has(state);

function word(badge, state, reachability) {
  if (state === "running" && reachability === "down") return badge.dataset.wordDown;
  return badge.getAttribute(`data-word-${state}`) ?? state;
}

/** `element` is the [data-lab] element, `message` an event as lab-events.js delivers it; what a message lacks stays as it is. */
export function write(element, message) {
  const state = message.state ?? element.dataset.state;
  const reachability = message.reachability ?? element.dataset.reachability;
  element.dataset.state = state;
  element.dataset.reachability = reachability;
  if (typeof message.can_open === "boolean") element.dataset.canOpen = message.can_open ? "yes" : "no";
  const canStop = typeof message.can_stop === "boolean" ? message.can_stop : STOPPABLE.has(state);
  element.dataset.canStop = canStop ? "yes" : "no";
  element.dataset.canRun = OVER.has(state) ? "yes" : "no";

  const badge = element.querySelector("[data-state-word]");
  if (badge) badge.querySelector(".word").textContent = word(badge, state, reachability);
  const open = element.querySelector("[data-open]");
  if (open && message.open_url) open.href = message.open_url;
  if (typeof message.percent === "number") {
    for (const bar of element.querySelectorAll("[data-progress]")) bar.value = message.percent;
    for (const figure of element.querySelectorAll("[data-percent]")) figure.textContent = String(message.percent);
  }
  if (message.message) {
    for (const place of element.querySelectorAll("[data-message]")) place.textContent = message.message;
  }
}
