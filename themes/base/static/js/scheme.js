// The switch between light and dark. The system's choice holds until the user makes one; choosing what the system has forgets it again.
const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

const current = () => root.dataset.scheme ?? (system.matches ? "dark" : "light");

function remember(scheme) {
  try {
    if (scheme) localStorage.setItem("portico-scheme", scheme);
    else localStorage.removeItem("portico-scheme");
  } catch {
    // Storage is forbidden: the choice lasts for this page.
  }
}

function name(button) {
  const text = current() === "dark" ? button.dataset.toLight : button.dataset.toDark;
  button.setAttribute("aria-label", text);
  button.title = text;
}

for (const button of document.querySelectorAll("[data-scheme-switch]")) {
  button.hidden = false;
  name(button);
  system.addEventListener("change", () => name(button));
  button.addEventListener("click", () => {
    const next = current() === "dark" ? "light" : "dark";
    const asSystem = next === (system.matches ? "dark" : "light");
    if (asSystem) delete root.dataset.scheme;
    else root.dataset.scheme = next;
    remember(asSystem ? null : next);
    name(button);
  });
}
