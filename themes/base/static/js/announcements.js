// Lets a visitor dismiss a notice, and remembers which ones (the last 50), in this browser.
const KEY = "portico-dismissed";

function dismissed() {
  try {
    const ids = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

function remember(id) {
  try {
    localStorage.setItem(KEY, JSON.stringify([...dismissed(), id].slice(-50)));
  } catch {
    // Storage is forbidden: the notice is back on the next page.
  }
}

const gone = dismissed();
for (const notice of document.querySelectorAll("[data-announcement]")) {
  const button = notice.querySelector("button");
  if (!button) continue;
  notice.hidden = gone.includes(notice.dataset.announcement);
  button.hidden = false;
  button.addEventListener("click", () => {
    remember(notice.dataset.announcement);
    notice.remove();
    document.getElementById("main")?.focus({ preventScroll: true });
  });
}
