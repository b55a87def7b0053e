// Turns <time data-relative> into "5 minutes ago", in the page's language, and keeps it true. The exact time is in the title.
const units = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const language = document.documentElement.lang || "en";
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "long" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

/** The distance from `now` to `at` (both Dates) in words; under a minute it is "now". */
export function words(at, now = new Date()) {
  const seconds = Math.round((at - now) / 1000);
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(0, "second");
}

/** Writes `at` (a Date) into a <time> element. */
export function show(element, at) {
  element.dateTime = at.toISOString();
  element.title = exact.format(at);
  element.textContent = words(at);
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.valueOf())) show(element, at);
  }
}

refresh();
setInterval(refresh, 20_000);
