// Asking the server, and making elements. Whatever comes from a file becomes text, never markup.

export class Refused extends Error {
  constructor(answer, status) {
    super(answer.error ?? `the server answered ${status}`);
    Object.assign(this, answer, { status });
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({ error: "phototag browse does not answer any more; start it again" }, 0);
  }
  if (!response.ok) throw new Refused(await response.json().catch(() => ({})), response.status);
  return response;
}

export const query = (parameters) => {
  const some = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return some.length ? "?" + new URLSearchParams(some) : "";
};
export const get = async (path, parameters = {}, signal) => (await ask(path + query(parameters), { signal })).json();
export const post = async (path, body) =>
  (await ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Phototag": "1" }, body: JSON.stringify(body) })).json();

// The binary grid; its form is told in phototag/web/answers.py.
export async function getGrid(parameters, signal) {
  const data = await (await ask("/api/grid" + query(parameters), { signal })).arrayBuffer();
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const start = 4 + length;
  return { ...header, ids: new Uint32Array(data, start, header.photos), ratios: new Uint16Array(data, start + 4 * header.photos, header.photos) };
}

// make("button.quiet", { onclick, title }, "text", node ...)
export function make(kind, properties = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.includes("-")) element[name] = value;
    else if (value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const find = (selector) => document.querySelector(selector);
export const number = (value) => value.toLocaleString("en");
export const photos = (count) => `${number(count)} photo${count === 1 ? "" : "s"}`;
const MONTHS = "January February March April May June July August September October November December".split(" ");
export const monthText = (month) =>
  !month ? "No date" : month.length === 4 ? month : `${MONTHS[month.slice(5) - 1]} ${month.slice(0, 4)}`;
export const sizeText = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);

let toastTimer;
export function toast(text, action, act) {
  const place = find("#toast");
  (find("dialog[open]") ?? document.body).append(place);  // what lies below an open dialog cannot be pressed
  place.replaceChildren(make("span", {}, text));
  if (action) place.append(make("button", { type: "button", onclick: () => { place.replaceChildren(); act(); } }, action));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.replaceChildren(), action ? 12000 : 6000);
}
