// Asking the server, and making elements. Whatever comes from a file becomes text, never markup.

export class Refused extends Error {
  constructor(answer, status) {
    super(answer.error ?? `the server answered ${status}`);
    Object.assign(this, answer, { status });
  }
}

async function ask(path, options) {
  const response = await fetch(path, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Refused({ error: "phototag browse does not answer any more; start it again" }, 0);
  });
  if (!response.ok) throw new Refused(await response.json().catch(() => ({})), response.status);
  return response;
}

export function query(parameters) {
  const some = Object.entries(parameters).filter(([, value]) => value);
  return some.length ? "?" + new URLSearchParams(some) : "";
}
export const get = async (path, parameters = {}, signal) =>
  (await ask(path + query(parameters), { signal })).json();
export const getBytes = async (path, parameters = {}, signal) =>
  (await ask(path + query(parameters), { signal })).arrayBuffer();
export async function post(path, body, signal) {
  const headers = { "Content-Type": "application/json", "X-Phototag": "1" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

export const find = (selector) => document.querySelector(selector);

// make("li.kept", { title }, "text", node, [more nodes] ...); what is null or false is left out.
export function make(kind, ...parts) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  for (const part of parts.flat(Infinity)) {
    if (part == null || part === false) continue;
    if (part.constructor === Object) setAll(element, part);
    else element.append(part);
  }
  return element;
}
function setAll(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value == null) continue;
    if (name in element && !["list", "role"].includes(name)) element[name] = value;
    else element.setAttribute(name, value);
  }
}

export const button = (text, onclick, ...more) => make("button", { type: "button", onclick }, text, ...more);
export const writeButton = (text, onclick, ...more) => button(text, onclick, { className: "write" }, ...more);
export const link = (parameters, ...more) => make("a", { href: "/" + query(parameters) }, ...more);
export const thumbnail = (id, alt = "") => make("img", { alt, loading: "lazy", src: `/320/${id}` });
export function entry(label, properties) {
  const usual = { type: "text", "aria-label": label, placeholder: label, autocomplete: "off", maxLength: 200 };
  return make("input", usual, properties);
}
// A field and a button for what is typed in it.
export function wordForm(input, text, act) {
  const onsubmit = (event) => {
    event.preventDefault();
    if (input.value.trim()) act(input.value.trim()); else input.focus();
  };
  return make("form.write", { onsubmit }, input, make("button", { type: "submit" }, text));
}

export const number = (value) => value.toLocaleString("en");
export const photos = (count) => `${number(count)} photo${count === 1 ? "" : "s"}`;

let toastTimer;
export function toast(text, action, act) {
  const place = find("#toast"), clear = () => place.replaceChildren();
  (find("dialog[open]") ?? document.body).append(place);  // what lies below an open dialog cannot be pressed
  place.replaceChildren(make("span", text));
  if (action) place.append(button(action, () => { clear(); act(); }));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(clear, action ? 12000 : 6000);
}
// Whatever was asked for and refused is told, by whomever it was asked.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  if (event.reason?.name !== "AbortError") toast(event.reason?.message ?? "Something went wrong.");
});
