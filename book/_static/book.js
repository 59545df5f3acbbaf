// A formula or table that scrolls sideways must be reachable by keyboard.
function makeScrollablesFocusable() {
  for (const element of document.querySelectorAll('mjx-container[display="true"], div.cell_output table, pre')) {
    if (element.scrollWidth > element.clientWidth) {
      element.tabIndex = 0;
    } else {
      element.removeAttribute("tabindex");
    }
  }
}

window.addEventListener("load", () => {
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(makeScrollablesFocusable);
});
window.addEventListener("resize", makeScrollablesFocusable);
