// @ts-check
/** Small helps for every page; each page works without them. */

/** After a refused form the reader, and the screen reader, start at the list of what to mend. @param {ParentNode} root */
function focusErrors(root) {
  const summary = root.querySelector(".error-summary");
  if (summary instanceof HTMLElement) summary.focus();
}

// A menu wider than a telephone starts where one is.
for (const here of document.querySelectorAll(".nav [aria-current], .tabs [aria-current]")) {
  const list = here.closest("ul");
  if (list && here instanceof HTMLElement) list.scrollLeft += here.getBoundingClientRect().left - list.getBoundingClientRect().left - 24;
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-print]") : null;
  if (button) print();
});

if (document.querySelector("[data-print-now]")) addEventListener("load", () => print());

// A second press while the first is on its way would send the form twice (the server refuses it; the person frets).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => form.removeAttribute("data-sent")));

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target instanceof Element) focusErrors(event.target);
});
focusErrors(document);
