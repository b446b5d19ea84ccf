// The address is the question: what is asked, how it is sorted, which photo is open. Everything follows it.

import { button, find, get, getBytes, make, number, photos, post, query, toast } from "/static/api.js";
import { PhotoGrid } from "/static/grid.js";
import { Selection } from "/static/edit.js";
import { Viewer } from "/static/viewer.js";

const NEWS_MS = 10000, TYPING_MS = 150;
const PAGES = { albums: "/static/albums.js", map: "/static/map.js", people: "/static/people.js" };
const asked = find("#q"), problem = find("#problem"), sorting = find("#sort"), panel = find("#facets");
const filters = find("#filters"), news = find("#news"), nothing = find("#nothing"), count = find("#count");
let start = { photos: 0 }, shown = null, revision = "";

const state = () => {
  const given = Object.fromEntries(new URLSearchParams(location.search));
  const { q = "", sort = "", view = "", album = "", photo } = given;
  return { q, sort, view, album, photo: Number(photo) || 0 };
};
const address = (changes) => "/" + query({ ...state(), ...changes });
function go(changes, { replace = false } = {}) { return goTo(address(changes), replace); }
function goTo(to, replace = false) {
  if (replace) history.replaceState(history.state, "", to);
  else if (to !== location.pathname + location.search) history.pushState({ inside: true }, "", to);
  return show();
}

const grid = new PhotoGrid(find("#scroller"), find("#canvas"), find("#scrubber"), {
  onOpen: (id) => go({ photo: id }),
  onSelect: (selected) => selection.show(selected),
  address: (id) => address({ photo: id }),
});
const context = { grid, go, state, reload, told, undo, start: () => start };
const selection = new Selection(find("#selection"), context);
const viewer = new Viewer(find("#viewer"), context);

async function show(event) {
  const now = state(), page = PAGES[now.view];
  for (const link of document.querySelectorAll("nav a")) {
    const { view } = link.dataset;
    link.setAttribute("aria-current", view === now.view ? "page" : "false");
    // map and albums are of the question, and lead back to it
    if (view !== "people") link.href = "/" + query({ q: view || now.view ? now.q : "", view });
  }
  find("#photos").hidden = find(".tools").hidden = Boolean(page);
  find("#page").hidden = !page;
  find("#page").dataset.view = now.view;
  panel.hidden = Boolean(page) || filters.getAttribute("aria-expanded") !== "true";
  // What is being typed stays, but going back shows the question that is answered.
  if (document.activeElement !== asked || event?.type === "popstate") asked.value = now.q;
  sorting.value = now.sort;
  if (page) {
    viewer.close();
    if (!problem.hidden) { complain(null); shown = null; }  // it is asked and told again when one comes back
    const module = await import(page);
    if (state().view === now.view) await module.show(find("#page"), context);
    return;
  }
  const wanted = query({ q: now.q, sort: now.sort, album: now.album });
  if (wanted !== shown) await load(now, wanted);
  if (now.photo) await viewer.open(now.photo); else viewer.close();
}

// The binary grid; its form is told in phototag/web/answers.py.
async function getGrid({ q, sort, album }, signal) {
  const data = await getBytes("/api/grid", { q, sort, album }, signal);
  const start = 4 + new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, start - 4)));
  const ids = new Uint32Array(data, start, header.photos);
  return { ...header, ids, ratios: new Uint16Array(data, start + ids.byteLength, header.photos) };
}

let loading;
async function load(now, wanted, y = 0) {
  loading?.abort();
  loading = new AbortController();
  shown = wanted;  // from now on: whoever asks for something else meanwhile ends this
  complain(null);
  let found;
  try {
    found = await getGrid(now, loading.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null;
    find("#photos").classList.add("stale");  // they answer another question
    nothing.hidden = true;
    count.textContent = "";
    return complain(error);
  }
  revision = found.revision;
  find("#photos").classList.remove("stale");
  if (grid.selected.size) grid.deselect();
  grid.show(found, y);
  performance.mark("grid");
  count.textContent = (now.album ? `Album ${now.album}: ` : "") + photos(found.photos);
  document.title = `${now.album || now.q || "All photos"} – phototag`;
  nothing.hidden = found.photos > 0;
  nothing.textContent = start.photos || now.q ? "No photo fits."
    : "The catalog is empty. Scan some photos first: phototag scan FOLDER";
  if (found.notes.length) complain({ message: found.notes.join(" ") });
  news.hidden = true;
  if (!panel.hidden) loadFacets();
}

function complain(error) {
  problem.hidden = !error;
  asked.setAttribute("aria-invalid", Boolean(error));
  if (!error) return;
  problem.textContent = error.message;
  if (error.start == null) return;
  problem.prepend(make("mark", asked.value.slice(error.start, error.end)), " ");
  if (document.activeElement === asked) asked.setSelectionRange(error.start, error.end);
}

// What was said, with its undoing. What was corrected is asked again where it is shown.
let lastChange = null;
function told(done, ids) {
  changed(ids);
  lastChange = done.change && { ...done, ids };
  if (!done.summary) return;
  const skipped = done.skipped ? ` ${photos(done.skipped)} with no face or several left as they are.` : "";
  toast(done.summary + skipped, "Undo", undo);
}
async function undo() {
  if (!lastChange) return toast("There is nothing to undo here; phototag undo goes back further.");
  const { change, ids } = lastChange;
  lastChange = null;
  toast(`Undone: ${(await post("/api/undo", { change })).summary}`);
  changed(ids);
  if (find("#viewer").open) await viewer.load();
  else if (state().view) await show();
}
function changed(ids) {
  if (ids.length) grid.forget(ids); else grid.lines.clear();
  if (!panel.hidden) loadFacets();
  learnPersons();
}
async function learnPersons() {
  const names = await get("/api/persons");
  find("#persons").replaceChildren(...names.map((value) => make("option", { value })));
}
async function reload() {
  start = await get("/api/start");
  await load(state(), shown, grid.y);
}

// -- the search box

const list = find("#completions");
let choices = [], place = [0, 0], typing, completing;
function openList(open) {
  list.hidden = !open;
  asked.setAttribute("aria-expanded", open);
  asked.removeAttribute("aria-activedescendant");
}
async function complete() {
  completing?.abort();
  completing = new AbortController();
  const parameters = { q: asked.value || " ", at: String(asked.selectionStart) };
  const found = await get("/api/complete", parameters, completing.signal);
  if (document.activeElement !== asked) return;
  choices = found.choices; place = [found.start, found.end];
  list.replaceChildren(...choices.map((each, index) => {
    const onmousedown = (event) => { event.preventDefault(); choose(index); };
    return make("li", { role: "option", id: `choice-${index}`, "aria-selected": false, onmousedown },
      make("b", each.term), make("span", each.note));
  }));
  openList(choices.length > 0);
}
function choose(index) {
  const { term } = choices[index], isKey = term.endsWith(":"), after = asked.value.slice(place[1]);
  const blank = isKey || after.startsWith(" ") ? "" : " ";
  const before = asked.value.padEnd(place[0]).slice(0, place[0]) + term + blank;
  asked.value = before + after;
  asked.setSelectionRange(before.length, before.length);
  if (isKey) complete(); else submit();
}
function submit() {
  clearTimeout(typing);
  completing?.abort();
  openList(false);
  go({ q: asked.value.trim(), view: "", album: "", photo: 0 });
}
asked.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(complete, TYPING_MS);
  if (!asked.value) go({ q: "", album: "", photo: 0 });
});
asked.addEventListener("keydown", (event) => {
  const { key } = event, active = [...list.children].findIndex((each) => each.matches("[aria-selected=true]"));
  if (key === "ArrowDown" && list.hidden) complete();
  else if (list.hidden) return;
  else if (key === "ArrowDown") mark((active + 1) % choices.length);
  else if (key === "ArrowUp") mark((active <= 0 ? choices.length : active) - 1);
  else if (key === "Enter" && active >= 0) choose(active);
  else if (key === "Tab" && place[0] < place[1] && !event.shiftKey) choose(Math.max(active, 0));
  else if (key === "Escape") openList(false);
  else return;
  event.preventDefault();
});
function mark(active) {
  [...list.children].forEach((each, index) => each.setAttribute("aria-selected", index === active));
  asked.setAttribute("aria-activedescendant", `choice-${active}`);
  list.children[active].scrollIntoView({ block: "nearest" });
}
asked.addEventListener("blur", () => { clearTimeout(typing); openList(false); });
find("#ask").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
sorting.addEventListener("change", () => go({ sort: sorting.value }));

// -- filters: what adds a term to the question or takes it out again, the server says

async function loadFacets() {
  const refused = ({ message }) => [{ title: message, values: [] }];
  const found = await get("/api/facets", { q: state().q }).catch(refused);
  const item = (value) => make("li", button("", () => go({ q: value.question, album: "", photo: 0 }),
    { "aria-pressed": value.is_on }, make("span", value.text), make("small", number(value.photos))));
  panel.replaceChildren(...found.map(({ title, values }) => make("section", make("h2", title),
    values ? make("ul", values.map(item)) : make("p", "Too many to count at once."))));
}
filters.addEventListener("click", () => {
  panel.hidden = !panel.hidden;
  filters.setAttribute("aria-expanded", !panel.hidden);
  if (!panel.hidden) loadFacets();
});

// -- news: a scan in another process

async function lookForNews() {
  if (document.hidden) return;
  try {
    const now = (await get("/api/news")).revision;
    if (revision && now !== revision) news.hidden = false;
  } catch (error) { if (!error.status) complain(error); }
}
find("#news button").addEventListener("click", reload);
setInterval(lookForNews, NEWS_MS);
document.addEventListener("visibilitychange", lookForNews);

document.addEventListener("keydown", (event) => {
  const isWriting = /INPUT|TEXTAREA|SELECT/.test(event.target.tagName);
  if (event.key !== "/" || isWriting || find("dialog[open]")) return;
  event.preventDefault();
  asked.focus();
});
// Links within the page; from photo to photo, Back leads to the grid.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const to = link.getAttribute("href");
  goTo(to, find("#viewer").open && /[?&]photo=/.test(to));
});
addEventListener("popstate", show);

start = await get("/api/start").catch((error) => { complain(error); return start; });
learnPersons();
document.body.classList.toggle("read-only", Boolean(start.read_only));
await show();
