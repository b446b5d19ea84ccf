// What the address asks for is shown: the grid, a photo over it, or a page of its own. And how one asks.

import { ask, build, find, get, go, make, on, onKeys, onlyLatest, query, state, whenQuiet } from "./api.js";
import "./corrections.js";
import * as grid from "./grid.js";
import * as viewer from "./viewer.js";

const NEWS_MS = 10000, TYPING_MS = 150;
const PAGES = ["albums", "map", "people"];
const asked = find("#q"), problem = find("#problem"), sorting = find("#sort"), news = find("#news");
let shown = null, revision = "";

async function show(event) {
  const now = state();
  document.body.dataset.view = now.view;
  for (const link of document.querySelectorAll("nav a")) {
    const { view } = link.dataset;
    link.ariaCurrent = view === now.view ? "page" : null;
    // map and albums are of the question, and lead back to it
    if (view !== "people") link.href = "/" + query({ q: view || now.view ? now.q : "", view });
  }
  // What is being typed stays, but going back shows the question that is answered.
  if (document.activeElement !== asked || event?.type === "popstate") asked.value = now.q;
  sorting.value = now.sort;
  if (PAGES.includes(now.view)) {
    viewer.close();
    if (!problem.hidden) { complain(""); shown = null; }  // it is asked and told again when one comes back
    const page = await import(`./${now.view}.js`);
    if (state().view === now.view) await page.show();
  } else {
    if (query({ ...now, photo: 0 }) !== shown) await load(now);
    if (now.photo) await viewer.open(now.photo); else viewer.close();
  }
}

// The binary grid; its form is told in phototag/web/answers.py.
async function getGrid({ q, sort, album }, signal) {
  const data = await (await ask("/api/grid", { q, sort, album }, signal)).arrayBuffer();
  const start = 4 + new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, start - 4)));
  const ids = new Uint32Array(data, start, header.photos);
  return { ...header, ids, ratios: new Uint16Array(data, start + ids.byteLength, header.photos) };
}

const latestGrid = onlyLatest();
async function load(now, y = 0) {
  const signal = latestGrid();
  shown = query({ ...now, photo: 0 });  // from now on: whoever asks for something else meanwhile ends this
  complain("");
  const found = await getGrid(now, signal).catch((error) => ({ error, count: "", nothing: "" }));
  if (signal.aborted) return;
  find("#photos").classList.toggle("stale", found.error != null);  // they answer another question
  find("#count").textContent = found.count;
  find("#nothing").textContent = found.nothing;
  if (found.error) {
    shown = null;
    return complain(found.error.message, found.error);
  }
  revision = found.revision;
  news.hidden = true;
  grid.deselect();
  grid.show(found, y);
  performance.mark("grid");
  document.title = `${found.title} – phototag`;
  complain(found.notes);
  loadFacets();
}

function complain(message, { start, end } = {}) {
  problem.hidden = !message;
  problem.textContent = message;
  asked.ariaInvalid = Boolean(message);
  if (start == null) return;
  problem.prepend(make("mark", asked.value.slice(start, end)), " ");
  if (document.activeElement === asked) asked.setSelectionRange(start, end);
}

async function learnPersons() {
  const names = await get("/api/persons");
  find("#persons").replaceChildren(...names.map((value) => make("option", { value })));
}
on(window, "corrected", () => { loadFacets(); learnPersons(); });

// -- the search box

const list = find("#completions"), latestChoices = onlyLatest();
const chosen = () => find("[aria-selected=true]", list);

function openList(isOpen) {
  list.hidden = !isOpen;
  asked.ariaExpanded = isOpen;
  asked.removeAttribute("aria-activedescendant");
}
async function complete() {
  const parameters = { q: asked.value || " ", at: String(asked.selectionStart) };
  const found = await get("/api/complete", parameters, latestChoices());
  if (document.activeElement !== asked) return;
  list.replaceChildren(...build(found));
  openList(found.length > 0);
}
const completeLater = whenQuiet(complete, TYPING_MS);

function choose(choice) {
  if (list.hidden || !choice) return false;
  const { before, rest } = choice;
  asked.value = before + rest;
  asked.setSelectionRange(before.length, before.length);
  if (before.endsWith(":")) complete(); else submit();
}
function mark(by) {
  if (list.hidden) return by > 0 && complete();
  const choices = [...list.children], active = choices.indexOf(chosen());
  const next = choices.at(Math.max(active + by, -1) % choices.length);
  for (const each of choices) each.ariaSelected = each === next;
  asked.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}
function stop() {
  completeLater.cancel();
  latestChoices();
  openList(false);
}
function submit() {
  stop();
  go({ q: asked.value.trim(), view: "", album: "", photo: 0 });
}
onKeys(asked, {
  ArrowDown: () => mark(1),
  ArrowUp: () => mark(-1),
  Enter: () => choose(chosen()),
  Tab: ({ shiftKey }) => !shiftKey && /\S$/.test(asked.value) && choose(chosen() ?? list.firstChild),
  Escape: () => !list.hidden && openList(false),
});
on(list, "mousedown", (event) => { event.preventDefault(); choose(event.target.closest("li")); });
on(asked, "blur", stop);
on(asked, "input", () => {
  completeLater();
  if (!asked.value) go({ q: "", album: "", photo: 0 });
});
on(find("#ask"), "submit", submit);
on(sorting, "change", () => go({ sort: sorting.value }));

// -- filters: what adds a term to the question or takes it out again, the server says

const filters = find("#filters"), facets = find("#facets");
async function loadFacets() {
  if (facets.hidden) return;
  const found = await get("/api/facets", { q: state().q }).catch(({ message }) => [["h2", message]]);
  facets.replaceChildren(...build(found));
}
on(filters, "click", () => {
  facets.hidden = !facets.hidden;
  filters.ariaExpanded = !facets.hidden;
  loadFacets();
});
on(facets, "click", ({ target }) => {
  const filter = target.closest("button");
  if (filter) go({ q: filter.value, album: "", photo: 0 });
});

// -- news: a scan in another process

async function lookForNews() {
  if (document.hidden) return;
  const now = await get("/api/news").catch((error) => { if (!error.status) complain(error.message); });
  if (now && revision && now.revision !== revision) news.hidden = false;
}
const reload = () => load(state(), grid.y);
on(find("button", news), "click", reload);
on(window, "stale", reload);
setInterval(lookForNews, NEWS_MS);
on(document, "visibilitychange", lookForNews);

on(window, "moved", show);
on(window, "popstate", show);
const start = await get("/api/start").catch((error) => complain(error.message));
document.body.classList.toggle("read-only", Boolean(start?.read_only));
sorting.replaceChildren(...build(start?.sorts ?? []));
learnPersons();
await show();
