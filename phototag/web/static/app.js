// The address is the question: what is asked, how it is sorted, which photo is open. Everything follows it.

import { find, get, getGrid, make, number, photos, post, query, toast } from "/static/api.js";
import { PhotoGrid } from "/static/grid.js";
import { Selection } from "/static/edit.js";
import { Viewer } from "/static/viewer.js";

const NEWS_MS = 10000, TYPING_MS = 150;
const PAGES = { albums: "/static/albums.js", map: "/static/map.js", people: "/static/people.js" };
const asked = find("#q"), problem = find("#problem"), sorting = find("#sort"), panel = find("#facets"), filters = find("#filters");
let start = { photos: 0, revision: "" }, shown = null, revision = "";

export const state = () => {
  const values = new URLSearchParams(location.search);
  return { q: values.get("q") ?? "", sort: values.get("sort") ?? "", view: values.get("view") ?? "",
    album: values.get("album") ?? "", photo: Number(values.get("photo")) || 0 };
};
const address = (changes) => "/" + query(Object.fromEntries(Object.entries({ ...state(), ...changes }).filter(([, value]) => value)));
export function go(changes, { replace = false } = {}) {
  const to = address(changes);
  if (to !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"]({ inside: true }, "", to);
  return show();
}

const grid = new PhotoGrid(find("#scroller"), find("#canvas"), find("#scrubber"), {
  onOpen: (id) => go({ photo: id }),
  onSelect: (selected) => selection.show(selected),
  address: (id) => address({ photo: id }),
});
const context = { grid, go, state, reload, changed, told, undo, learnPersons, start: () => start };
const selection = new Selection(find("#selection"), context);
const viewer = new Viewer(find("#viewer"), context);

async function show(event) {
  const now = state();
  for (const link of document.querySelectorAll("nav a")) {
    const here = (link.dataset.view ?? "") === now.view;
    if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    const view = link.dataset.view;  // map and albums are of the question, and lead back to it
    if (view !== "people") link.href = "/" + query({ q: view || now.view ? now.q : "", view });
  }
  const page = PAGES[now.view];
  find("#photos").hidden = Boolean(page);
  find("#page").hidden = !page;
  find(".tools").hidden = Boolean(page);
  panel.hidden = Boolean(page) || filters.getAttribute("aria-expanded") !== "true";
  // What is being typed stays, but going back shows the question that is answered.
  if (document.activeElement !== asked || event?.type === "popstate") asked.value = now.q;
  sorting.value = now.sort;
  if (page) {
    viewer.close();
    if (!problem.hidden) { complain(null); shown = null; }  // asked again, and told again, when one comes back
    const module = await import(page);
    if (state().view === now.view) await module.show(find("#page"), context);
    return;
  }
  const wanted = query({ q: now.q, sort: now.sort, album: now.album });
  if (wanted !== shown) await load(now, wanted);
  if (now.photo) viewer.open(now.photo); else viewer.close();
}

let loading;
async function load(now, wanted, y = 0) {
  loading?.abort();
  loading = new AbortController();
  shown = wanted;  // from now on: whoever asks for something else meanwhile ends this
  complain(null);
  try {
    const found = await getGrid({ q: now.q, sort: now.sort, album: now.album }, loading.signal);
    revision = found.revision;
    find("#photos").classList.remove("stale");
    if (grid.selected.size) grid.deselect();
    grid.lines.clear();
    grid.show(found, y);
    performance.mark("grid");
    const of = now.album ? `Album ${now.album}: ` : "";
    find("#count").textContent = of + photos(found.photos);
    document.title = `${now.album || now.q || "All photos"} – phototag`;
    tellNothing(found, now);
    if (found.notes.length) complain({ message: found.notes.join(" ") });
    find("#news").hidden = true;
    if (!panel.hidden) loadFacets();
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null;
    find("#photos").classList.add("stale");  // they answer another question
    find("#nothing").hidden = true;
    find("#count").textContent = "";
    complain(error);
  }
}

function tellNothing(found, now) {
  const place = find("#nothing");
  place.hidden = found.photos > 0;
  if (found.photos) return;
  place.textContent = start.photos || now.q ? "No photo fits." : "The catalog is empty. Scan some photos first: phototag scan FOLDER";
}

function complain(error) {
  problem.hidden = !error;
  asked.setAttribute("aria-invalid", Boolean(error));
  if (!error) return;
  problem.textContent = error.message;
  if (error.start != null) {
    const wrong = asked.value.slice(error.start, error.end);
    problem.prepend(make("mark", {}, wrong), " ");
    if (document.activeElement === asked) asked.setSelectionRange(error.start, error.end);
  }
}

// What was said, with its undoing.
let lastChange = null;
function told(done, ids) {
  changed(ids);
  lastChange = done.change ? { ...done, ids } : null;
  if (done.summary) toast(done.skipped ? `${done.summary} ${photos(done.skipped)} with no face or several left as they are.` : done.summary, "Undo", undo);
}
async function undo() {
  if (!lastChange) return toast("There is nothing to undo here; phototag undo goes back further.");
  const { change, ids } = lastChange;
  lastChange = null;
  try {
    toast(`Undone: ${(await post("/api/undo", { change })).summary}`);
    changed(ids);
    if (find("#viewer").open) await viewer.load();
    else if (state().view) await show();
  } catch (error) { toast(error.message); }
}
async function learnPersons() {
  find("#persons").replaceChildren(...(await get("/api/persons").catch(() => [])).map((name) => make("option", { value: name })));
}

// What was corrected is asked again where one is.
function changed(ids) {
  grid.forget(ids);
  if (!panel.hidden) loadFacets();
}
async function reload() {
  const now = state();
  start = await get("/api/start");
  await load(now, query({ q: now.q, sort: now.sort, album: now.album }), grid.y);
}

// -- the search box

const list = find("#completions");
let choices = [], place = [0, 0], typing, completing;
function openList(open) {
  list.hidden = !open;
  asked.setAttribute("aria-expanded", open);
  if (!open) asked.removeAttribute("aria-activedescendant");
}
async function complete() {
  completing?.abort();
  completing = new AbortController();
  try {
    const found = await get("/api/complete", { q: asked.value || " ", at: String(asked.selectionStart) }, completing.signal);
    if (document.activeElement !== asked) return;
    choices = found.choices; place = [found.start, found.end];
    list.replaceChildren(...choices.map((each, index) =>
      make("li", { role: "option", id: `choice-${index}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); choose(index); } },
        make("b", {}, each.term), make("span", {}, each.note))));
    openList(choices.length > 0);
  } catch { openList(false); }
}
function choose(index) {
  const term = choices[index].term, text = asked.value.padEnd(place[0]);
  const before = text.slice(0, place[0]), after = asked.value.slice(place[1]);
  const open = term.endsWith(":");
  asked.value = before + term + (open || after.startsWith(" ") ? "" : " ") + after;
  const at = before.length + term.length + (open ? 0 : 1);
  asked.setSelectionRange(at, at);
  if (open) complete(); else { openList(false); submit(); }
}
function submit() {
  clearTimeout(typing);
  completing?.abort();
  openList(false);
  if (!asked.value.trim()) asked.value = "";
  go({ q: asked.value.trim(), view: "", album: "", photo: 0 });
}
asked.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(complete, TYPING_MS);
  if (!asked.value) go({ q: "", album: "", photo: 0 });
});
asked.addEventListener("keydown", (event) => {
  const active = choices.findIndex((_, index) => list.children[index]?.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" && list.hidden) { event.preventDefault(); complete(); }
  else if (["ArrowDown", "ArrowUp"].includes(event.key) && !list.hidden) {
    event.preventDefault();
    const to = (active + (event.key === "ArrowDown" ? 1 : -1) + choices.length + (active < 0 && event.key === "ArrowUp" ? 1 : 0)) % choices.length;
    [...list.children].forEach((each, index) => each.setAttribute("aria-selected", index === to));
    asked.setAttribute("aria-activedescendant", `choice-${to}`);
    list.children[to].scrollIntoView({ block: "nearest" });
  } else if (event.key === "Tab" && !list.hidden && active < 0 && choices.length && asked.value.trim() && !event.shiftKey && place[0] < place[1]) {
    event.preventDefault();
    choose(0);
  } else if (event.key === "Enter" && active >= 0 && !list.hidden) { event.preventDefault(); choose(active); }
  else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); openList(false); }
});
asked.addEventListener("blur", () => { clearTimeout(typing); openList(false); });
find("#ask").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
sorting.addEventListener("change", () => go({ sort: sorting.value }));

// -- filters: terms are added to the question, and taken out again

const TITLES = { smiling: "Smiling", faces: "Faces", things: "Shown", people: "People", years: "Years", cameras: "Cameras", places: "Places" };
const terms = (text) => text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
// The terms that every photo has to meet, which can be taken out alone: none in brackets, none beside an "or".
function required(text) {
  const found = [];
  let depth = 0, either = false;
  for (const each of terms(text)) {
    const bare = each.replaceAll(/"[^"]*"/g, "");
    if (!depth && bare.toLowerCase() === "or") either = true;
    if (!depth && !/[()]/.test(bare)) found.push(each);
    for (const sign of bare) depth += sign === "(" ? 1 : sign === ")" ? -1 : 0;
  }
  return { either, found: either ? [] : found };
}
function withTerm(term) {
  const now = state().q, { either, found } = required(now), adding = terms(term);
  if (adding.every((each) => found.includes(each))) return terms(now).filter((each) => !adding.includes(each)).join(" ");
  return `${either ? `( ${now} )` : now} ${term}`.trim();
}
async function loadFacets() {
  try {
    const found = await get("/api/facets", { q: state().q });
    panel.replaceChildren(...found.filter((facet) => facet.values?.length !== 0).map((facet) => make("section", {},
      make("h2", {}, TITLES[facet.name] ?? facet.name),
      facet.values ? make("ul", {}, ...facet.values.map((value) => facetItem(value))) : make("p", {}, "Too many to count at once."))));
  } catch (error) { panel.replaceChildren(make("p", {}, error.message)); }
}
function facetItem(value) {
  const on = terms(value.term).every((each) => required(state().q).found.includes(each));
  return make("li", {}, make("button", { type: "button", "aria-pressed": String(on), onclick: () => go({ q: withTerm(value.term), album: "", photo: 0 }) },
    make("span", {}, value.text), make("small", {}, number(value.photos))));
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
    if (revision && now !== revision) find("#news").hidden = false;
  } catch (error) { if (!error.status) complain(error); }
}
find("#news button").addEventListener("click", () => { find("#news").hidden = true; reload(); });
setInterval(lookForNews, NEWS_MS);
document.addEventListener("visibilitychange", lookForNews);

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName) && !find("dialog[open]")) { event.preventDefault(); asked.focus(); }
});
document.addEventListener("click", (event) => {  // links within the page
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || link.hasAttribute("download")) return;
  event.preventDefault();
  if (link.href !== location.href) history.pushState({ inside: true }, "", link.href);
  show();
});
addEventListener("popstate", show);
addEventListener("unhandledrejection", (event) => toast(event.reason?.message ?? "Something went wrong."));

start = await get("/api/start").catch((error) => { complain(error); return start; });
learnPersons();
document.body.classList.toggle("read-only", Boolean(start.read_only));
await show();
