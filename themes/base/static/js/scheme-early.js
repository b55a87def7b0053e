// Runs before the first paint (a classic script in <head>), so that a remembered choice never flashes. The button is scheme.js's.
try {
  const remembered = localStorage.getItem("portico-scheme");
  if (remembered === "dark" || remembered === "light") document.documentElement.dataset.scheme = remembered;
} catch {
  // Storage is forbidden: the system's scheme holds.
}
