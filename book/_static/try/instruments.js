// Instruments: sliders, a picture and a sentence that is read out. The arithmetic is that of hw3; tests compare the two.
{
const make = (tag, attributes = {}, ...children) => {
  const svg = ["svg", "rect", "path"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const grouped = (number) => number.toLocaleString("en-US");
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

// T2 and T4: what a square convolution makes of size × size × depth; `output` is 0 where the window does not fit.
function convolution({ size, depth, filters, kernel, stride, padding }) {
  const span = size + 2 * padding - kernel;
  const output = span < 0 ? 0 : Math.floor(span / stride) + 1;
  const weights = kernel * kernel * depth * filters;
  return { output, rest: span < 0 ? 0 : span % stride, parameters: weights + filters,
    multiplications: output * output * weights };
}

function softmax(logits, temperature) {
  const most = Math.max(...logits);
  const parts = logits.map((logit) => Math.exp((logit - most) / temperature));
  const sum = parts.reduce((a, b) => a + b);
  return parts.map((part) => part / sum);
}

// γ, and the chance that one of the blocks that cover a pixel starts.
function seedRate(rate, block, [height, width]) {
  const [h, w] = [Math.min(block, height), Math.min(block, width)];
  return Math.min(1, (rate / (h * w)) * (height * width) / ((height - h + 1) * (width - w + 1)));
}

function droppedAt(rate, block, map, pixel) {
  const places = map.map((side, axis) => {
    const b = Math.min(block, side);
    return Math.min(pixel[axis] + 1, b, side - pixel[axis], side - b + 1);
  });
  return 1 - (1 - seedRate(rate, block, map)) ** (places[0] * places[1]);
}

// The dropped pixels as [row, column] pairs; `numbers` has a uniform one for each place of a start.
function mask(rate, block, [height, width], numbers) {
  const [h, w] = [Math.min(block, height), Math.min(block, width)];
  const gamma = seedRate(rate, block, [height, width]);
  const dropped = new Set();
  for (let row = 0; row <= height - h; row++) for (let column = 0; column <= width - w; column++) {
    if (numbers[row * width + column] >= gamma) continue;
    for (let a = 0; a < h; a++) for (let b = 0; b < w; b++) dropped.add((row + a) * width + column + b);
  }
  return [...dropped].map((index) => [Math.floor(index / width), index % width]);
}

let count = 0;
function slider(name, { value, low, high, step = 1, show = String }, moved) {
  const id = `instrument-${++count}`;
  const input = make("input", { id, type: "range", min: low, max: high, step, value });
  const shown = make("output", { for: id, "aria-live": "off" }, show(value)); // the sentence is read out, not this
  input.addEventListener("input", () => {
    shown.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
    moved();
  });
  const row = make("div", { class: "instrument-slider" }, make("label", { for: id }, name), input, shown);
  return { row, get value() { return Number(input.value); } };
}

// The windows of a row of pixels, laid under it so they do not cover each other.
function windows({ size, kernel, stride, padding }, output) {
  const all = size + 2 * padding;
  const unit = Math.max(1, all / 60);
  const rows = Math.min(output, Math.ceil(kernel / stride));
  const bars = Array.from({ length: output }, (_, i) => make("rect",
    { x: i * stride + 0.1, y: unit * (1.5 + 1.1 * (i % Math.ceil(kernel / stride))), width: kernel - 0.2,
      height: unit * 0.8, class: "window" }));
  const seen = output ? (output - 1) * stride + kernel : 0;
  const pixels = Array.from({ length: all }, (_, i) => make("rect", { x: i + 0.05, y: 0, width: 0.9, height: unit,
    class: (i < padding || i >= all - padding ? "padding" : "pixel") + (i >= seen ? " unseen" : "") }));
  return make("svg", { viewBox: `0 0 ${all} ${unit * (1.6 + 1.1 * rows)}`, "aria-hidden": "true" }, ...pixels, ...bars);
}

const KINDS = {
  convolution(first, picture, say) {
    const moved = () => {
      const setting = { ...first, kernel: kernel.value, stride: stride.value, padding: padding.value };
      const { output, rest, parameters, multiplications } = convolution(setting);
      picture.replaceChildren(windows(setting, output));
      const hanging = rest > first.size ? "" : rest === 1 ? " One column at the right is seen by no window."
        : rest ? ` ${rest} columns at the right are seen by no window.` : " The last window ends at the edge.";
      say(output
        ? `Output ${output} × ${output} × ${first.filters}, ${grouped(parameters)} parameters, `
          + `${grouped(multiplications)} multiplications.${hanging}`
        : `The window does not fit: ${kernel.value} is more than ${first.size} + 2 · ${padding.value}.`);
    };
    const kernel = slider("Kernel", { value: first.kernel, low: 1, high: Math.min(first.size + 2, 24) }, moved);
    const stride = slider("Stride", { value: first.stride, low: 1, high: 8 }, moved);
    const padding = slider("Padding", { value: first.padding, low: 0, high: 8 }, moved);
    return [[kernel, stride, padding].map((one) => one.row), moved];
  },

  temperature({ names, images }, picture, say) {
    const answers = images.map(({ picture: source }, number) => {
      const bars = names.map((name) => {
        const bar = make("span", { class: "bar" }), share = make("span", { class: "share" });
        return { bar, share, row: make("div", { class: "class" }, make("span", {}, name), make("span", {}, bar), share) };
      });
      const image = make("img", { src: source, alt: `Training image ${number + 1}, enlarged: its classes follow` });
      picture.append(make("div", { class: "answer" }, image, make("div", {}, ...bars.map((one) => one.row))));
      return bars;
    });
    const moved = () => {
      const said = images.map(({ logits }, number) => {
        const shares = softmax(logits, tau.value);
        answers[number].forEach(({ bar, share }, i) => {
          bar.style.width = `${100 * shares[i]}%`;
          share.textContent = percent(shares[i]);
        });
        const best = shares.indexOf(Math.max(...shares));
        return `image ${number + 1}: ${names[best]}, ${percent(shares[best])}`;
      });
      say(`First choices at τ = ${tau.value}: ${said.join("; ")}.`);
    };
    const tau = slider("Temperature τ", { value: 1, low: 0.5, high: 20, step: 0.5 }, moved);
    return [[tau.row], moved];
  },

  drop(first, picture, say) {
    const [height, width] = first.map;
    let numbers;
    const draw = () => { numbers = Array.from({ length: 2 * height * width }, Math.random); };
    const map = (name, size, some) => {
      const dropped = mask(rate.value, size, first.map, some);
      const squares = dropped.map(([row, column]) => `M${column} ${row}h1v1h-1z`).join("");
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
        make("rect", { width, height, class: "pixel" }), make("path", { d: squares, class: "dropped" }));
      return make("div", {}, svg, `${name}: ${percent(dropped.length / (height * width))} of this mask`);
    };
    const moved = () => {
      const blocks = map("DropBlock", block.value, numbers.slice(height * width));
      picture.replaceChildren(map("dropout", 1, numbers), blocks);
      const middle = [Math.floor(height / 2), Math.floor(width / 2)];
      const chances = [[0, 0], [0, middle[1]], middle].map((pixel) =>
        percent(droppedAt(rate.value, block.value, first.map, pixel), 1));
      say(`Dropout drops every pixel with a chance of ${percent(rate.value)}; blocks of ${block.value} drop the corner with `
        + `${chances[0]}, the middle of an edge with ${chances[1]}, the middle of the map with ${chances[2]}.`);
    };
    const rate = slider("Drop rate", { value: first.rate, low: 0, high: 0.5, step: 0.01, show: percent }, moved);
    const block = slider("Block size", { value: first.block, low: 1, high: Math.min(9, height, width) }, moved);
    const again = make("button", { type: "button" }, "Another mask");
    again.addEventListener("click", () => { draw(); moved(); });
    draw();
    return [[rate.row, block.row, again], moved];
  },
};

for (const element of document.querySelectorAll(".instrument")) {
  const picture = make("div", { class: "instrument-picture" });
  const said = make("p", { role: "status", class: "instrument-said" });
  const kind = element.dataset.kind;
  const [controls, moved] = KINDS[kind](JSON.parse(element.dataset.first), picture, (text) => { said.textContent = text; });
  element.querySelector("table").classList.add("instrument-first"); // on paper the table stays
  element.append(make("div", { class: `instrument-live ${kind}` }, ...controls, picture, said));
  moved();
}

window.hw3 = { convolution, softmax, seedRate, droppedAt, mask };
}
