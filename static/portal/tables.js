// The grid of a value table by keyboard: Enter adds a row, Ctrl+Delete takes one away. Without scripts the spare rows serve.
"use strict";
document.querySelectorAll("[data-table]").forEach((form) => {
  const body = form.querySelector(".grid tbody");
  const blank = form.querySelector("template");
  const add = form.querySelector("[data-add-row]");
  if (!body || !blank || !add) return;
  const labels = {};
  ["left", "right"].forEach((side) => {
    const options = form.querySelectorAll(`#values-${side} option`);
    labels[side] = new Map([...options].map((option) => [option.value, option.label]));
  });

  const cells = (row) => row.querySelectorAll("input");
  const isEmpty = (row) => [...cells(row)].every((cell) => !cell.value.trim());

  function addRow(after) {
    const row = blank.content.firstElementChild.cloneNode(true);
    after ? after.after(row) : body.append(row);
    show(row);
    cells(row)[0].focus();
    return row;
  }

  // Whoever types on after the last row was taken away types into an empty one, not over the row above.
  function deleteRow(row) {
    const next = row.nextElementSibling || addRow();
    row.remove();
    cells(next)[0].focus();
  }

  function show(row) {
    row.querySelector("[data-delete-row]").hidden = false;
  }

  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-delete-row]");
    if (button) deleteRow(button.closest("tr"));
  });

  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (event.target.tagName !== "INPUT") return;
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const next = row.nextElementSibling;
      if (next && isEmpty(next)) cells(next)[0].focus();
      else if (!isEmpty(row)) addRow(row);
    } else if (event.key === "Delete" && event.ctrlKey) {
      event.preventDefault();
      deleteRow(row);
    }
  });

  // What is said of a value is that of the value typed last.
  body.addEventListener("input", (event) => {
    const told = event.target.parentElement.querySelector("[data-told]");
    if (told) told.textContent = labels[event.target.name].get(event.target.value) || "";
  });

  form.querySelectorAll("[data-absent] [data-value]").forEach((button) => {
    button.addEventListener("click", () => {
      const side = button.closest("[data-absent]").dataset.absent;
      const spare = [...body.children].find(isEmpty);
      const row = spare || addRow();
      const [left, right] = cells(row);
      const [own, other] = side === "left" ? [left, right] : [right, left];
      own.value = button.dataset.value;
      own.dispatchEvent(new Event("input", { bubbles: true }));
      other.focus();
      button.closest("li").remove();
    });
  });

  const spare = [...body.children].filter(isEmpty).slice(1);
  spare.forEach((row) => row.remove());
  body.querySelectorAll("tr").forEach(show);
  add.hidden = false;
  add.addEventListener("click", () => addRow());
});
