// The frame: what is chosen stands in the address, so that back and forward, a reload and a bookmark do what one expects.
const choices = document.querySelector("[data-choices]");
const stage = document.querySelector("[data-stage]");
const sheet = document.querySelector("[data-sheet]");
const frame = document.querySelector("[data-page]");
const check = document.querySelector("[data-check]");
const panel = document.querySelector("[data-findings]");
const list = document.querySelector("[data-findings-list]");
const pattern = document.querySelector("template[data-finding]");
const KEYS = ["page", "state", "as", "lang", "scheme", "width"];
const USUAL = { page: "landing", state: "plain" };
const WORDS = { checking: "Checking", good: "Nothing to mend", gone: "The preview has ended" };

let news = null;
let shown = 0;
let place = "";
let closed = ""; // The findings that were closed last: they open again when there are others.

const wanted = () => Object.fromEntries(KEYS.map((key) => [key, new URLSearchParams(location.search).get(key) ?? USUAL[key] ?? ""]));

// The version is part of it: browsers drop a navigation to the address that they are loading already.
function address(choice, version) {
  const query = new URLSearchParams({ version });
  for (const key of ["lang", "as"]) if (choice[key]) query.set(key, choice[key]);
  return `/page/${encodeURIComponent(choice.page)}/${encodeURIComponent(choice.state)}?${query}`;
}

function remember(choice, how) {
  const query = new URLSearchParams(KEYS.filter((key) => choice[key]).map((key) => [key, choice[key]]));
  const next = `?${query}`;
  if (next !== location.search) history[how](null, "", next);
}

// An option's words: five-labs is Five labs; an error's state is its number.
const words = (name) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("-", " ");

function fill(name, options, value) {
  const select = choices.elements[name];
  const made = options.map(([key, text]) => new Option(text, key, false, key === value));
  if (JSON.stringify(made.map((each) => [each.value, each.text])) !== JSON.stringify([...select.options].map((each) => [each.value, each.text]))) {
    select.replaceChildren(...made);
  }
  select.value = value;
}

function draw() {
  const choice = wanted();
  const pages = Object.keys(news.pages);
  const states = news.pages[choice.page] ?? [];
  fill("page", pages.map((page) => [page, words(page)]), choice.page);
  fill("state", states.map((state) => [state, words(state)]), choice.state);
  fill("as", Object.entries(news.personas), choice.as || Object.keys(news.personas)[0]);
  fill("lang", news.languages.map((language) => [language, new Intl.DisplayNames([language], { type: "language" }).of(language)]), choice.lang || news.languages[0]);
  choices.elements.scheme.value = choice.scheme;
  choices.elements.width.value = choice.width;
  return choice;
}

function size() {
  const width = Number(wanted().width);
  const factor = width > stage.clientWidth ? stage.clientWidth / width : 1;
  sheet.toggleAttribute("data-narrow", width > 0 && width < stage.clientWidth);
  sheet.style.inlineSize = width ? `${Math.min(width, stage.clientWidth)}px` : "100%";
  frame.style.inlineSize = width ? `${width}px` : "100%";
  frame.style.blockSize = `${100 / factor}%`;
  frame.style.transform = factor < 1 ? `scale(${factor})` : "none";
}

function colours(scheme) {
  try {
    if (scheme) localStorage.setItem("portico-scheme", scheme);
    else localStorage.removeItem("portico-scheme");
  } catch {
    // Storage is forbidden: the page keeps the system's colours.
  }
  const root = frame.contentDocument?.documentElement;
  if (!root) return;
  if (scheme) root.dataset.scheme = scheme;
  else delete root.dataset.scheme;
}

let scroll = 0;
let loaded = true;
function load() {
  if (!news || news.number === 0) return;
  const choice = draw();
  colours(choice.scheme);
  size();
  const next = address(choice, news.number);
  if (next === place) return;
  const inner = frame.contentWindow;
  if (address(choice, shown) !== place) scroll = 0;
  else if (loaded) scroll = inner.scrollY;
  loaded = false;
  shown = news.number;
  place = next;
  inner.location.replace(next);
}

frame.addEventListener("load", () => {
  const inner = frame.contentWindow.location;
  if (inner.href === "about:blank") return;
  frame.contentWindow.scrollTo({ top: scroll, behavior: "instant" });
  colours(wanted().scheme);
  loaded = true;
  const found = inner.pathname.match(/^\/page\/([^/]+)\/([^/]+)$/);
  const query = new URLSearchParams(inner.search);
  if (!found || query.has("version")) return;
  // A link of the page was followed: the controls go with it.
  remember({ ...wanted(), page: decodeURIComponent(found[1]), state: decodeURIComponent(found[2]), lang: query.get("lang") ?? "", as: query.get("as") ?? "" }, "pushState");
  place = address(draw(), shown);
});

function item(finding) {
  const made = pattern.content.firstElementChild.cloneNode(true);
  const [what, cure, where, lines] = made.children;
  what.textContent = finding.what;
  cure.textContent = finding.cure;
  where.textContent = [finding.file || "The bundle", finding.line || "", (finding.line && finding.column) || ""].filter(Boolean).join(":");
  lines.hidden = finding.lines.length === 0;
  for (const [number, text] of finding.lines) {
    const line = document.createElement("li");
    line.dataset.number = number;
    line.textContent = text;
    if (number === finding.line) line.dataset.here = "";
    lines.append(line);
  }
  return made;
}

function tell() {
  const count = news.findings.length;
  const state = count > 0 ? "wrong" : news.check;
  const things = count === 1 ? "One thing to mend" : `${count} things to mend`;
  check.dataset.check = state;
  check.textContent = count > 0 ? things : (WORDS[state] ?? state);
  check.disabled = count === 0;
  document.title = `${count > 0 ? `(${count}) ` : ""}${news.title || "Preview"}`;
  document.querySelector("[data-title]").textContent = news.title || "Preview";
  document.querySelector("[data-findings-title]").textContent = things;
  document.querySelector("[data-findings-note]").textContent =
    "Nothing of this would go live. Behind this you see what could be shown last.";
  list.replaceChildren(...news.findings.map(item));
  const now = JSON.stringify(news.findings);
  if (count === 0) closed = "";
  open(count > 0 && now !== closed);
}

function open(yes) {
  panel.hidden = !yes;
  check.setAttribute("aria-expanded", String(yes));
}

function close() {
  closed = JSON.stringify(news?.findings ?? []);
  open(false);
  check.focus();
}

check.addEventListener("click", () => {
  if (!panel.hidden) return close();
  open(true);
  panel.focus();
});
document.querySelector("[data-close]").addEventListener("click", close);
addEventListener("keydown", (event) => event.key === "Escape" && !panel.hidden && close());

choices.addEventListener("submit", (event) => event.preventDefault());
choices.addEventListener("change", (event) => {
  const choice = { ...wanted(), [event.target.name]: event.target.value };
  // Every page has states of its own; the first one is the usual.
  if (event.target.name === "page") choice.state = news.pages[choice.page][0];
  remember(choice, "pushState");
  load();
});
addEventListener("popstate", load);
new ResizeObserver(size).observe(stage);

const source = new EventSource("/preview/events");
source.addEventListener("message", (event) => {
  news = JSON.parse(event.data);
  const choice = wanted();
  // A page that is gone, or a state: what is left of them is shown.
  if (news.number > 0 && !news.pages[choice.page]) remember({ ...choice, ...USUAL }, "replaceState");
  else if (news.number > 0 && !news.pages[choice.page].includes(choice.state)) {
    remember({ ...choice, state: news.pages[choice.page][0] }, "replaceState");
  }
  tell();
  load();
});
source.addEventListener("error", () => {
  check.dataset.check = "gone";
  check.textContent = WORDS.gone;
});
