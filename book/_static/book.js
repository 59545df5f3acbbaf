// What scrolls sideways can be reached by keyboard, has a name, and shows on which side there is more to see.
const SCROLLABLE = [
  ['mjx-container[display="true"]', "formula"],
  [".pst-scrollable-table-container, div.cell_output div.text_html:has(> table), div.cell_output table", "table"],
  ["div.highlight pre, div.cell_output pre", "code"],
];

function markEdges(element) {
  const hidden = element.scrollWidth - element.clientWidth;
  element.classList.toggle("more-to-the-left", hidden > 1 && element.scrollLeft > 1);
  element.classList.toggle("more-to-the-right", hidden > 1 && element.scrollLeft < hidden - 1);
}

// On a phone a table that is wider than the column becomes a list of its rows, each cell with its column's name.
function stackWideTables() {
  for (const table of document.querySelectorAll("article table:has(thead th)")) {
    table.classList.remove("stacked");
    const boxes = [table, table.closest(".pst-scrollable-table-container") ?? table];
    if (innerWidth >= 768 || boxes.every((box) => box.scrollWidth <= box.clientWidth + 1)) continue;
    const names = [...table.querySelectorAll("thead th")].map((th) => th.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr")) {
      row.setAttribute("role", "row"); // laid out as blocks, it would not be a table any more to a screen reader
      [...row.cells].forEach((cell, i) => {
        cell.setAttribute("role", "cell");
        if (!cell.dataset.column) cell.querySelectorAll("br").forEach((br) => br.before(" "));
        cell.dataset.column = names[i] ?? "";
      });
    }
    table.setAttribute("role", "table");
    table.classList.add("stacked");
  }
}

function lookAfterScrollables() {
  stackWideTables();
  for (const [selector, name] of SCROLLABLE) {
    for (const element of document.querySelectorAll(`article :is(${selector})`)) {
      if (element.scrollWidth > element.clientWidth + 1) {
        element.tabIndex = 0;
        if (element.tagName !== "TABLE") element.setAttribute("role", "group"); // a table stays one
        element.setAttribute("aria-label", `${name}, scrolls sideways`);
        element.onscroll = () => markEdges(element);
      } else {
        element.removeAttribute("tabindex");
      }
      markEdges(element);
    }
  }
}

window.addEventListener("load", () => {
  const sidebar = document.querySelector(".bd-sidebar-primary"); // the theme draws the book's name outside of any landmark
  sidebar?.setAttribute("role", "region");
  sidebar?.setAttribute("aria-label", "The book and its pages");
  document.querySelectorAll("button.copybtn").forEach((button) => button.setAttribute("aria-label", "Copy this code"));
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(lookAfterScrollables);
});
window.addEventListener("resize", lookAfterScrollables);
