// Asking, making elements, listening, and the address. Whatever comes from a file becomes text, never markup.

// Parameters that are empty are left out.
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  return given.length ? "?" + new URLSearchParams(given) : "";
}

async function send(path, options) {
  const answer = await fetch(path, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("phototag browse does not answer any more; start it again");
  });
  if (answer.ok) return answer;
  const { status } = answer, said = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(said.error ?? `the server answered ${status}`), said, { status });
}
export const ask = (path, parameters = {}, signal) => send(path + query(parameters), { signal });
export const get = async (...asked) => (await ask(...asked)).json();
export async function post(path, body, signal) {
  const headers = { "Content-Type": "application/json", "X-Phototag": "1" };
  return (await send(path, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

// Each signal that it gives ends what was asked with the one before.
export function onlyLatest() {
  let controller;
  return () => {
    controller?.abort();
    controller = new AbortController();
    return controller.signal;
  };
}

// `act`, when it has not been called again for so long.
export function whenQuiet(act, milliseconds) {
  let timer;
  const later = () => { later.cancel(); timer = setTimeout(act, milliseconds); };
  later.cancel = () => clearTimeout(timer);
  return later;
}

export function oncePerFrame(act) {
  let waiting = 0;
  return () => { waiting ||= requestAnimationFrame(() => { waiting = 0; act(); }); };
}

export const within = (value, least, greatest) => Math.min(Math.max(least, value), greatest);
export const find = (selector, root = document) => root.querySelector(selector);
export const on = (target, event, act, options) => target.addEventListener(event, act, options);

// make("li.kept", { title }, "text", node ...); what is null or false is left out.
export function make(kind, ...parts) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  for (const part of parts) {
    if (part?.constructor === Object) set(element, part);
    else if (part != null && part !== false) element.append(part);
  }
  return element;
}
function set(element, { list, ...properties }) {
  Object.assign(element, properties);
  if (list) element.setAttribute("list", list);
}
// What the server describes: see phototag/web/elements.py.
export const build = (described) => described.map((each) =>
  Array.isArray(each) ? make(...build(each)) : each);

export const isField = (element) => element.matches?.("input, select, textarea");

// `acts` has, or gives, what a key does, by its name with "Ctrl+" before it where that is held (or Cmd). Who
// gives false has not done anything. Fields within keep their keys.
export function onKeys(element, acts) {
  on(element, "keydown", (event) => {
    const { altKey, ctrlKey, metaKey, target } = event;
    if (altKey || event.defaultPrevented || (target !== element && isField(target))) return;
    const key = (ctrlKey || metaKey ? "Ctrl+" : "") + event.key;
    const act = typeof acts === "function" ? acts(key) : acts[key];
    if (act && act(event) !== false) event.preventDefault();
  });
}
// A control that names a key as its own is pressed by it, a field gets the focus; of an open dialog alone.
onKeys(document, (key) => {
  const named = document.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`);
  const control = [...named].find((each) => each.closest("dialog") === find("dialog[open]"));
  if (!control || control.closest(".read-only .write")) return null;
  return () => { if (isField(control)) control.focus(); else control.click(); };
});

// -- the address is the question: what is asked, how it is sorted, which photo is open

export function state() {
  const { q = "", sort = "", view = "", album = "", photo } =
    Object.fromEntries(new URLSearchParams(location.search));
  return { q, sort, view, album, photo: Number(photo) || 0 };
}
export const address = (changes) => "/" + query({ ...state(), ...changes });

export const go = (changes, replace = false) => goTo(address(changes), replace);
function goTo(to, replace) {
  if (replace) history.replaceState(history.state, "", to);
  else if (to !== location.pathname + location.search) history.pushState({ inside: true }, "", to);
  dispatchEvent(new Event("moved"));
}

// Links lead to places within the page. From photo to photo, so that Back leads to the grid.
on(document, "click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const to = link.getAttribute("href"), photo = /^\/\?photo=(\d+)$/.exec(to)?.[1];
  if (photo && state().photo) go({ photo }, true); else goTo(to);
});

const place = find("#toast"), clear = () => place.replaceChildren(), clearLater = whenQuiet(clear, 12000);
export function toast(text, action, act) {
  (find("dialog[open]") ?? document.body).append(place);  // what lies below an open dialog cannot be pressed
  place.replaceChildren(text, action ? make("button", { onclick: () => { clear(); act(); } }, action) : "");
  clearLater();
}
// Whatever was asked for and refused is told, by whomever it was asked.
on(window, "unhandledrejection", (event) => {
  event.preventDefault();
  if (event.reason?.name !== "AbortError") toast(event.reason?.message ?? "Something went wrong.");
});
