// The rule editor beyond plain HTML: adding a row without asking the server, and dragging one field onto another.
"use strict";
{
  const form = document.querySelector("[data-editor]");
  const list = form && form.querySelector("[data-rules]");
  const total = form && form.querySelector('[name="rules-TOTAL_FORMS"]');
  const blank = form && form.querySelector("template");

  function addRule(left, right) {
    const number = total.value;
    const none = list.querySelector("[data-no-rules]");
    if (none) none.remove();
    list.insertAdjacentHTML("beforeend", blank.innerHTML.replaceAll("rules-__prefix__", `rules-${number}`).replaceAll("notes-__prefix__", `notes-${number}`));
    total.value = String(Number(number) + 1);
    const row = list.lastElementChild;
    row.querySelector(`[name="rules-${number}-left"]`).value = left;
    row.querySelector(`[name="rules-${number}-right"]`).value = right;
    const empty = row.querySelector(`[name="rules-${number}-${left ? "right" : "left"}"]`);
    empty.focus();
    if (left || right) form.dispatchEvent(new Event("change"));
  }

  // A row more in the table of a rule's lines; there is an empty one already for who has no script.
  function addLine(table) {
    const name = table.dataset.lines;
    const rows = table.querySelector(`[name="${name}-TOTAL_FORMS"]`);
    const row = table.querySelector("template").innerHTML.replaceAll(`${name}-__prefix__`, `${name}-${rows.value}`);
    const body = table.querySelector("[data-line-rows]");
    body.insertAdjacentHTML("beforeend", row);
    rows.value = String(Number(rows.value) + 1);
    body.lastElementChild.querySelector("input").focus();
  }

  if (form) {
    for (const more of form.querySelectorAll("[data-add-line]")) more.hidden = false;
    form.addEventListener("click", (event) => {
      const more = event.target.closest("[data-add-line]");
      if (more) addLine(more.closest("[data-lines]"));
    });
    const button = form.querySelector("[data-add-rule]");
    button.hidden = false;
    button.addEventListener("click", () => addRule("", ""));

    // A field dragged onto one of the other side's list makes a rule of the two. Everything it does the buttons do too.
    let dragged = null;
    form.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("[data-field]");
      if (dragged) event.dataTransfer.setData("text/plain", dragged.dataset.field);
    });
    form.addEventListener("dragover", (event) => {
      const over = event.target.closest("[data-field]");
      if (dragged && over && over.dataset.side !== dragged.dataset.side) event.preventDefault();
    });
    form.addEventListener("drop", (event) => {
      const over = event.target.closest("[data-field]");
      if (!dragged || !over || over.dataset.side === dragged.dataset.side) return;
      event.preventDefault();
      const ends = { [dragged.dataset.side]: dragged.dataset.field, [over.dataset.side]: over.dataset.field };
      addRule(ends.left, ends.right);
      dragged = null;
    });

    // Enter in a field keeps what was said, as everywhere in the admin; it must not press “Accept all”.
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input:not([type=submit])")) {
        event.preventDefault();
        form.requestSubmit(form.querySelector('input[name="stay"]'));
      }
    });
  }
}
