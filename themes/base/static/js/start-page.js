// The start page: steps as they happen, then straight into the lab; or what went wrong.
import { follow } from "./lab-events.js";
import { isOver, write } from "./lab-state.js";
import { show } from "./times.js";

// Ids begin anew with each start of a lab; with their time they tell one step from another.
const key = (id, at) => `${id}@${Date.parse(at)}`;

function addStep(list, template, message) {
  const step = template.content.firstElementChild.cloneNode(true);
  step.dataset.event = String(message.id);
  step.querySelector(".step-message").textContent = message.message;
  show(step.querySelector("time"), message.at ? new Date(message.at) : new Date());
  list.append(step);
}

function showFailure(page, message) {
  const failure = page.querySelector("[data-failure]");
  if (!failure) return;
  failure.hidden = false;
  if (message.message) failure.querySelector("[data-why]").textContent = message.message;
  const correlation = failure.querySelector("[data-correlation]");
  if (correlation && message.correlation_id) {
    correlation.hidden = false;
    correlation.querySelector("[data-correlation-id]").textContent = message.correlation_id;
  }
}

function run(page) {
  const list = page.querySelector("[data-steps]");
  const template = page.querySelector("template[data-step]");
  const lost = page.querySelector("[data-connection]");
  const seen = new Set(
    [...list.querySelectorAll("[data-event]")].map((step) => key(step.dataset.event, step.querySelector("time")?.dateTime)),
  );

  const stop = follow(page.dataset.events, {
    onMessage(message) {
      write(page, message);
      const step = key(message.id, message.at);
      if (message.message && message.id !== undefined && !seen.has(step)) {
        seen.add(step);
        addStep(list, template, message);
      }
      if (isOver(message.state)) showFailure(page, message);
      if (message.can_open && message.open_url) {
        stop();
        // Replaces this page in the history: "back" from the lab leads home, and not into the lab again.
        location.replace(message.open_url);
      }
    },
    onConnection(alive) {
      if (lost) lost.hidden = alive;
    },
    onGone: () => location.reload(),
  });
}

const page = document.querySelector("[data-start]");
// A lab that was ready when the page was drawn waits for a click on "Open".
if (page && !isOver(page.dataset.state) && page.dataset.canOpen !== "yes") run(page);
