// The admin's page: says when there is news, and shows it by itself while nothing is being typed.
const LOOK = 5_000;
let timer;
const page = document.querySelector("[data-admin]");

async function news() {
  try {
    const answer = await fetch(page.dataset.news, { credentials: "same-origin", redirect: "error" });
    if (answer.ok) return (await answer.json()).news;
  } catch {
    // Nothing is heard: the next look may do better.
  }
  return null;
}

function busy() {
  const branch = page.querySelector("#branch");
  const asking = location.search.includes("revoke=") || page.querySelector('[role="alert"]');
  return asking || document.activeElement === branch || (branch && branch.value !== branch.defaultValue);
}

async function look() {
  clearTimeout(timer);
  const found = document.hidden ? null : await news();
  if (found !== null && found !== page.dataset.adminVersion) {
    if (!busy()) {
      // Without what was said about the last action: that is old by now.
      location.replace(location.pathname);
      return;
    }
    page.querySelector("[data-admin-news]").hidden = false;
  }
  timer = setTimeout(look, LOOK);
}

if (page) {
  timer = setTimeout(look, LOOK);
  // Whoever comes back from an editor wants to see now what came of the push.
  document.addEventListener("visibilitychange", () => document.hidden || look());
  document.addEventListener("submit", (event) => {
    // A second press would ask twice; the button keeps its name.
    const button = event.target.querySelector("button");
    if (button) setTimeout(() => (button.disabled = true));
  });
  addEventListener("pageshow", () => {
    for (const button of page.querySelectorAll("button[disabled]")) button.disabled = false;
  });
  for (const field of page.querySelectorAll("[data-select]")) field.addEventListener("focus", () => field.select());
  page.querySelector('[role="alert"][tabindex]')?.focus();
}
