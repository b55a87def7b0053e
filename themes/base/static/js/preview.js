// Puts the bar above a preview into the top layer, where no element of the page can cover it. Without this it is the topmost fixed element.
// The bar is the first of the document's: what the page itself calls by the same name comes after it. It moves out of the body, which a style
// sheet may take away whole.
const bar = document.querySelector("[data-portico-preview]");
if (bar) document.documentElement.append(bar);
bar?.showPopover?.();
