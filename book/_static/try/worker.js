// Python beside the page, so that the page stays quick and can end it. All comes from the site itself.
const version = new URL(import.meta.url).search;
const file = (path) => new URL(path + version, import.meta.url);
const ARCHIVES = ["mpmath-1.3.0-py3-none-any.whl", "sympy-1.14.0-py3-none-any.whl", "hw3.zip"];

async function start() {
  const { loadPyodide } = await import(new URL("../python/pyodide.mjs", import.meta.url));
  const python = await loadPyodide();
  for (const name of ARCHIVES) {
    const reply = await fetch(file(`../python/${name}`));
    python.unpackArchive(await reply.arrayBuffer(), "zip", { extractDir: "/home/pyodide" });
  }
  python.runPython(await (await fetch(file("page.py"))).text());
  return python;
}

const starting = start();
starting.then(() => postMessage("ready"), (error) => postMessage({ error: String(error) }));

// A question is [the name of a function of page.py, its arguments]; the answer is what the function returns.
onmessage = async ({ data: [name, ...values] }) => {
  const python = await starting;
  try {
    const proxies = values.map((value) => (Array.isArray(value) ? python.toPy(value) : value));
    postMessage({ result: python.globals.get(name)(...proxies).toJs() });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
