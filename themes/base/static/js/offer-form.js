// The start form: fields that depend on one another (system > account > project > partition; profiles by system; amounts by
// partition). A choice that stays valid is kept. The server draws the same form and checks what is sent; this only saves waiting.

const pick = (items, name) => items.find((item) => item.name === name) ?? items[0];

/**
 * What can be chosen beside `choice` ({system, account, project, partition, profile}: names). Each of the lists is never empty in an
 * offer with systems, except `profiles`. Returns {systems, accounts, ..., chosen: {system, account, ...: items}}.
 */
export function narrow(offer, choice) {
  const system = pick(offer.systems, choice.system);
  const account = pick(system.accounts, choice.account);
  const project = pick(account.projects, choice.project);
  const partition = pick(project.partitions, choice.partition);
  const profiles = offer.profiles.filter((profile) => profile.systems.includes(system.name));
  return {
    system: offer.systems,
    account: system.accounts,
    project: account.projects,
    partition: project.partitions,
    profile: profiles,
    chosen: { system, account, project, partition, profile: pick(profiles, choice.profile) },
  };
}

/** `value` where it is within the bounds, else their default. */
export function within(bounds, value) {
  return Number.isInteger(value) && value >= bounds.minimum && value <= bounds.maximum ? value : bounds.default;
}

/** `text` with each {name} replaced by its value. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const CHOICES = ["system", "account", "project", "partition", "profile"];
const AMOUNTS = ["runtime", "nodes", "gpus"];
const titled = (item) => item.title || item.name;

function drawChoice(form, name, items, chosen) {
  const field = form.querySelector(`[data-field="${name}"]`);
  const select = field.querySelector("select");
  const options = items.map((item) => new Option(titled(item), item.name, false, item === chosen));
  select.replaceChildren(...options);
  field.toggleAttribute("data-single", items.length === 1);
  field.querySelector("[data-single-text]").textContent = chosen ? titled(chosen) : "";
}

function drawAmount(form, name, bounds, words) {
  const field = form.querySelector(`[data-field="${name}"]`);
  const input = field.querySelector("input");
  const refused = input.getAttribute("aria-invalid") === "true";
  if (!refused) input.value = String(within(bounds, input.valueAsNumber));
  input.min = String(bounds.minimum);
  input.max = String(bounds.maximum);
  field.hidden = bounds.minimum === bounds.maximum && !refused;
  const help = field.querySelector("[data-help]");
  help.textContent = fill(help.dataset.help, { minimum: words(bounds.minimum), maximum: words(bounds.maximum) });
}

function run(form) {
  const offer = JSON.parse(form.dataset.offer);
  const summary = form.querySelector("[data-summary]");

  const duration = (minutes) => {
    const parts = [];
    if (minutes >= 60) parts.push(fill(form.dataset.hours, { n: Math.floor(minutes / 60) }));
    if (minutes < 60 || minutes % 60) parts.push(fill(form.dataset.minutes, { n: minutes % 60 }));
    return parts.join(" ");
  };
  const read = () => Object.fromEntries(CHOICES.map((name) => [name, form.elements.namedItem(name).value]));

  const summarize = (chosen) => {
    const runtime = form.elements.namedItem("runtime").valueAsNumber;
    summary.hidden = Number.isNaN(runtime);
    summary.textContent = fill(summary.dataset.summary, {
      runtime: duration(runtime),
      system: titled(chosen.system),
      partition: titled(chosen.partition),
      project: chosen.project.name,
    });
  };

  const draw = () => {
    const view = narrow(offer, read());
    for (const name of CHOICES) drawChoice(form, name, view[name], view.chosen[name]);
    for (const name of AMOUNTS) drawAmount(form, name, view.chosen.partition[name], name === "runtime" ? duration : String);
    summarize(view.chosen);
  };

  form.addEventListener("change", (event) => {
    event.target.removeAttribute("aria-invalid");
    if (!CHOICES.includes(event.target.name)) return;
    // Another choice may bring other bounds: amounts that were refused get their chance anew.
    for (const name of AMOUNTS) form.elements.namedItem(name).removeAttribute("aria-invalid");
    draw();
  });
  form.addEventListener("input", (event) => {
    if (AMOUNTS.includes(event.target.name)) summarize(narrow(offer, read()).chosen);
  });
  form.querySelector(".error-summary")?.focus();
  draw();
}

// Absent where these functions are used without a page, as in tests.
if (globalThis.document) {
  const form = document.querySelector("form[data-offer]");
  if (form) run(form);
}
