// Adds rows to a formset from its <template>; without scripts the spare rows of the page serve.
"use strict";
document.querySelectorAll("[data-formset]").forEach((box) => {
  const prefix = box.dataset.formset;
  const total = box.querySelector(`[name="${prefix}-TOTAL_FORMS"]`);
  const button = box.querySelector("[data-add-row]");
  const body = box.querySelector("tbody");
  const blank = box.querySelector("template");
  if (!total || !button || !blank) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const html = blank.innerHTML.replaceAll("__prefix__", total.value);
    body.insertAdjacentHTML("beforeend", html);
    total.value = String(Number(total.value) + 1);
    body.lastElementChild.querySelector("select, input").focus();
  });
});
