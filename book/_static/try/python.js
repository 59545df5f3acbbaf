// Answers and code, tried in the page: each question goes to one worker with Python, which is loaded with the first.
const script = document.currentScript;
const PYTHON = script.dataset.python; // empty where the build could not have it
const IS_FILE = location.protocol === "file:"; // browsers start no worker there
const SECONDS = 20;
let worker = null;
let last = Promise.resolve();

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function start() {
  worker = new Worker(new URL(`worker.js?v=${PYTHON}`, script.src), { type: "module" });
  worker.ready = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data === "ready" ? resolve() : reject(new Error(data.error)));
    worker.onerror = (event) => reject(new Error(event.message ?? "the file of the worker cannot be loaded"));
  });
  worker.ready.catch(stop);
}

function stop() {
  worker?.terminate();
  worker = null;
}

async function askNow(question, say) {
  if (!worker) {
    say("Python is loading, 20 MB the first time …");
    start();
  }
  await worker.ready.catch((error) => { throw new Error(`Python could not be loaded (${error.message}).`); });
  say("Python is working …");
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`No answer after ${SECONDS} seconds: Python was ended. It starts anew with your next try.`));
    }, SECONDS * 1000);
    worker.onmessage = ({ data }) => {
      clearTimeout(timer);
      data.error ? reject(new Error(data.error)) : resolve(data.result);
    };
    worker.postMessage(question);
  });
}

// One question at a time. `say` is told how far it is.
function ask(question, say) {
  last = last.catch(() => {}).then(() => askNow(question, say));
  return last;
}

function answerForm(box, number) {
  const names = [...box.querySelectorAll("code")].map((code) => code.textContent.match(/t\d\.\S+/)[0]);
  const id = `try-answer-${number}`;
  const which = names.length > 1
    ? make("select", { "aria-label": "Which answer" }, ...names.map((name) => make("option", {}, name)))
    : make("code", {}, names[0]);
  const input = make("input", { id, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const hint = make("button", { type: "button" }, "Hint");
  const verdict = make("output", { for: id, class: "try-verdict" });
  const form = make("form", { class: "try-form" },
    make("label", { for: id }, "Your formula for"), which, input, make("button", {}, "Check"), hint, verdict);

  const say = (text, state = "") => {
    verdict.textContent = text;
    verdict.dataset.state = state;
  };
  const judge = async (withHint) => {
    const formula = input.value.trim();
    if (!formula) {
      say(withHint ? "Type a first try: the hint looks at it." : "Type a formula, such as 2/3 or x1 + k1*x2.");
      input.focus();
      return;
    }
    try {
      const [right, text] = await ask(["judge", which.value ?? names[0], formula, withHint], say);
      say(text, right ? "right" : "wrong");
    } catch (error) {
      say(error.message, "wrong");
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    judge(false);
  });
  hint.addEventListener("click", () => judge(true));
  if (names.length > 1) which.addEventListener("change", () => say(""));
  box.firstElementChild.classList.add("try-command"); // on paper the command stays
  box.append(form);
}

// A cell that runs in the page: the first press of Run makes its code editable, and shows what it gives.
function runnable(mark, codes, editors) {
  const index = Number(mark.dataset.cell);
  const shown = mark.parentElement.querySelector(".cell_input");
  const button = make("button", { type: "button" }, "Run");
  const output = make("div", { role: "status", class: "try-output" });
  const say = (text) => output.replaceChildren(make("p", {}, text));

  const edit = () => {
    const editor = make("textarea", { "aria-label": "Code of this cell", spellcheck: "false", autocapitalize: "off" });
    editor.value = codes[index];
    editor.rows = editor.value.split("\n").length + 1;
    editor.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.shiftKey || event.ctrlKey)) {
        event.preventDefault();
        run();
      }
    });
    const reset = make("button", { type: "button" }, "Undo changes");
    reset.addEventListener("click", () => { editor.value = codes[index]; });
    button.after(reset);
    button.textContent = "Run again";
    shown.hidden = true;
    mark.prepend(editor);
    editors.set(index, editor);
  };
  const run = async () => {
    if (!editors.has(index)) edit();
    const source = (other) => editors.get(other)?.value ?? codes[other];
    const above = Object.keys(codes).map(Number).filter((other) => other < index).map(source);
    try {
      const [text, formula, error] = await ask(["run", above, source(index)], say);
      output.replaceChildren();
      if (text) output.append(make("pre", {}, text));
      if (formula) output.append(make("div", {}, formula));
      if (error) output.append(make("p", {}, error));
      if (!output.hasChildNodes()) say("It ran. Its last line shows no value: add a line with a name to see one.");
      if (formula) await window.MathJax?.typesetPromise?.([output]);
    } catch (error) {
      say(error.message);
    }
  };
  button.addEventListener("click", run);
  mark.append(make("div", { class: "try-buttons" }, button), output);
}

const SERVE = "Here you could type your formula, but Python does not start in a page that was opened as a file. Run "
  + "make serve, and open the book there.";

if (PYTHON && IS_FILE) {
  document.querySelectorAll(".try-answer").forEach((box) => box.append(make("p", { class: "try-note" }, SERVE)));
} else if (PYTHON) {
  document.querySelectorAll(".try-answer").forEach(answerForm);
  const codes = JSON.parse(document.querySelector(".try-cells")?.textContent ?? "{}");
  const editors = new Map();
  document.querySelectorAll(".try-run").forEach((mark) => runnable(mark, codes, editors));
}
