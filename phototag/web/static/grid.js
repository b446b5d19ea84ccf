// All photos of a question as justified rows. Rows are numbers in typed arrays; elements are there for what
// is near the window alone: objects for every photo make such pages slow.

import { address, find, get, go, make, on, oncePerFrame, onKeys, whenQuiet, within } from "./api.js";

const GAP = 6, HEADING = 52, FOOT = 80, DRAWN = 6, MOST_NODES = 290, MOST_LINES = 5000;
const QUIET_MS = 60, HOLD_MS = 500;
// Browsers cap heights (Chromium at 33.5 million device pixels, Firefox at 17.9): beyond, scrolling is
// scaled. Coordinates of millions are not drawn exactly: elements lie relative to an origin less FAR away.
const TALLEST = 8_000_000, FAR = 1_000_000;

const scroller = find("#scroller"), canvas = find("#canvas"), layer = find(".layer");
const scrubber = find("#scrubber"), slider = find("input", scrubber), bubble = find("output", scrubber);
const nodes = new Map();  // a photo's place, or "row" and that of a heading -> its element
const lines = new Map();  // id -> what a line about it tells
export let ids = new Uint32Array(), selected = new Set(), y = 0, focused = 0;
let ratios, sections, layout, anchor, width, view, most, room, lastWidth, origin = 0, lastTop = 0;

const sectionAt = (at) => sections[findLast(layout.headings, sections.length, at)];
const rowAt = (at) => findLast(layout.top, layout.rows, at);
const rowOf = (photo) => findLast(layout.first, layout.rows, photo);
const cells = () => [...nodes.values()].filter((node) => node.photo != null);

// -- the rows

// `first` photo, `top` and `height` of each of the `rows`; `headings`: tops of those without photos.
function layOut(ratios, sections, width, target) {
  const most = ratios.length + 2 * sections.length + 2;
  const first = new Uint32Array(most), top = new Float64Array(most), height = new Float32Array(most);
  const headings = [];
  let rows = 0, total = 0, photo = 0;
  const add = (high, gap) => {
    first[rows] = photo;
    top[rows] = total;
    height[rows++] = high;
    total += high + gap;
  };
  const addPhotos = (end) => {
    while (photo < end) {
      let ratio = 0, next = photo, high;
      do {
        ratio += ratios[next++] / 1000;
        high = (width - GAP * (next - photo - 1)) / ratio;
      } while (next < end && high > target);
      add(Math.min(high, next === end ? target : target * 1.5), GAP);
      photo = next;
    }
  };
  for (const { photos } of sections) {
    headings.push(total);
    add(HEADING, 0);
    addPhotos(photo + photos);
  }
  addPhotos(ratios.length);
  first[rows] = photo;
  top[rows] = total;
  return { first, top, height, rows, total, headings };
}

// The last of the first `length` places whose value is not beyond `wanted`.
function findLast(values, length, wanted) {
  let low = 0, high = length;
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle; else high = middle;
  }
  return low;
}

export function show(grid, at = 0) {
  ({ ids, ratios, sections } = grid);
  focused = 0;
  anchor = null;
  lines.clear();
  canvas.ariaLabel = grid.count;
  arrange();
  scrollTo(at);
}

function arrange() {
  clear();
  width = scroller.clientWidth - 2 * parseFloat(getComputedStyle(canvas).paddingLeft);
  view = scroller.clientHeight;
  const target = width < 600 ? 120 : width > 2200 ? 260 : 200;
  layout = layOut(ratios, sections, Math.max(width, 100), target);
  const total = layout.total + FOOT, tall = Math.min(total, TALLEST);
  most = Math.max(0, total - view);  // the greatest y
  room = Math.max(0, tall - view);   // the greatest scrollTop
  canvas.style.height = `${tall}px`;
  drawYears();
}

new ResizeObserver(() => {
  const { clientWidth, clientHeight } = scroller;
  if (!layout || !clientWidth || (clientWidth === lastWidth && clientHeight === view)) return;
  lastWidth = clientWidth;
  const row = rowAt(y), photo = layout.first[row], past = y - layout.top[row];
  arrange();
  scrollTo(y && layout.top[rowOf(photo)] + past);
}).observe(scroller);

// -- where the window is: y in the whole page; the scroll bar may be shorter

function scrollTo(at) {
  y = within(at, 0, most);
  settle();
  draw();
}

function settle() {  // the scroll bar where it belongs for this y
  scroller.scrollTop = most && (y / most) * room;
  lastTop = scroller.scrollTop;
}

const drawSoon = oncePerFrame(draw);
on(scroller, "scroll", () => {
  const now = scroller.scrollTop, moved = now - lastTop;
  if (!moved) return;
  lastTop = now;
  const isStep = Math.abs(moved) < 2 * view && now > 0 && now < room - 1;
  y = isStep ? within(y + moved, 0, most) : (now / room) * most;
  drawSoon();
}, { passive: true });

// -- drawing

function draw() {
  if (Math.abs(y - origin) > FAR) { origin = y; clear(); }
  shift();
  const wanted = findWanted();
  for (const [key, node] of nodes) {
    if (!wanted.has(key)) { drop(node); nodes.delete(key); }
  }
  for (const [key, make] of wanted) {
    if (!nodes.has(key)) nodes.set(key, make());
  }
  moveScrubber();
  rest();
}

const shift = () => { layer.style.transform = `translateY(${lastTop - y + origin}px)`; };

// What makes each element: of the rows of the window and half a window below it, then half a one above.
function findWanted() {
  const { first, top, height, rows } = layout, from = rowAt(y), wanted = new Map();
  const addRow = (row) => {
    if (first[row] === first[row + 1]) wanted.set(`row ${row}`, () => makeHeading(top[row]));
    let x = 0;
    for (let photo = first[row]; photo < first[row + 1] && wanted.size < MOST_NODES; photo++) {
      const at = x, wide = (ratios[photo] / 1000) * height[row];
      wanted.set(photo, () => makeCell(photo, at, top[row], Math.min(wide, width), height[row]));
      x += wide + GAP;
    }
  };
  for (let row = from; row < rows && top[row] < y + 1.5 * view; row++) addRow(row);
  for (let row = from - 1; row >= 0 && top[row] + height[row] > y - view / 2; row--) addRow(row);
  return wanted;
}

function put(node, x, top) {
  node.style.transform = `translate(${x}px,${top - origin}px)`;
  layer.append(node);
  return node;
}

function makeHeading(top) {
  const { title, about } = sectionAt(top);
  const node = make("div.month", { role: "presentation" }, make("b", title), make("small", ` ${about}`));
  return put(node, 0, top);
}

function makeCell(photo, x, top, wide, high) {
  const id = ids[photo];
  const node = make("a.cell", { photo, role: "option", draggable: false, id: `photo-${id}`,
    href: address({ photo: id }), tabIndex: photo === focused ? 0 : -1,
    ariaSetSize: ids.length, ariaPosInSet: photo + 1, style: `width:${wide}px;height:${high}px` },
    make("img", { alt: "", draggable: false, decoding: "async" }), make("span.tick"));
  tell(node);
  return put(node, x, top);
}

function drop(node) {
  find("img", node)?.removeAttribute("src");  // what is still being loaded for it is not any more
  node.remove();
}

function clear() {
  for (const node of nodes.values()) drop(node);
  nodes.clear();
}

function tell(node) {  // what is known of it, for those who see and those who hear
  const id = ids[node.photo], line = lines.get(id);
  node.ariaSelected = selected.has(id);
  node.ariaLabel = line?.text ?? `Photo ${node.photo + 1}`;
  node.title = line ? `${line.name}\n${line.text}` : "";
  node.dataset.mark = line?.mark ?? "";
}

const rest = whenQuiet(async () => {  // no scrolling for a moment: now pictures may start
  if (room < most) { settle(); shift(); }
  for (const node of cells()) {
    const image = node.firstChild;
    if (image.hasAttribute("src")) continue;
    image.onload = () => { image.className = "there"; };
    image.onerror = () => { node.dataset.mark = "!"; };
    image.src = `/320/${ids[node.photo]}`;
  }
  const unknown = cells().map(({ photo }) => ids[photo]).filter((id) => !lines.has(id));
  if (!unknown.length) return;
  if (lines.size > MOST_LINES) lines.clear();
  for (const line of await get("/api/photos", { ids: unknown.join() })) lines.set(line.id, line);
  cells().forEach(tell);
}, QUIET_MS);
on(window, "corrected", () => { lines.clear(); rest(); });

// -- focus and selection

export function focus(photo) {
  if (!ids.length) return;
  if (nodes.has(focused)) nodes.get(focused).tabIndex = -1;
  focused = within(photo, 0, ids.length - 1);
  const row = rowOf(focused), top = layout.top[row], bottom = top + layout.height[row];
  if (top < y + 8) scrollTo(top - HEADING);
  else if (bottom > y + view - 8) scrollTo(bottom - view + 24);
  const node = nodes.get(focused);
  node.tabIndex = 0;
  node.focus({ preventScroll: true });
}

function select(from, to, isOn = true) {
  for (const id of ids.subarray(Math.min(from, to), Math.max(from, to) + 1)) {
    selected[isOn ? "add" : "delete"](id);
  }
  tellSelection();
}

function tellSelection() {
  cells().forEach(tell);
  canvas.classList.toggle("choosing", selected.size > 0);
  dispatchEvent(new Event("selected"));
}

export function deselect() {
  if (!selected.size) return false;
  selected.clear();
  anchor = null;
  tellSelection();
}

function toggle(photo, isRange) {
  if (isRange && anchor != null) return select(anchor, photo);
  select(photo, photo, !selected.has(ids[photo]));
  anchor = photo;
}

function beside(rows) {  // the photo nearest to the focused one, so many rows below
  const { first } = layout, from = rowOf(focused), long = (row) => first[row + 1] - first[row];
  let row = from;
  for (let left = Math.abs(rows); left > 0; left--) {
    row = rowOf(within(rows > 0 ? first[row + 1] : first[row] - 1, 0, ids.length - 1));
  }
  return first[row] + Math.floor(((focused - first[from] + 0.5) / long(from)) * long(row));
}

const goTo = (find) => ({ shiftKey }) => {
  anchor ??= focused;
  focus(find());
  if (shiftKey) select(anchor, focused);
  else if (!selected.size) anchor = null;
};
const page = () => Math.ceil(view / 250);  // rows
onKeys(canvas, {
  ArrowRight: goTo(() => focused + 1), ArrowLeft: goTo(() => focused - 1),
  ArrowDown: goTo(() => beside(1)), ArrowUp: goTo(() => beside(-1)),
  PageDown: goTo(() => beside(page())), PageUp: goTo(() => beside(-page())),
  Home: goTo(() => 0), End: goTo(() => ids.length - 1),
  " ": ({ shiftKey }) => toggle(focused, shiftKey),
  Enter: () => go({ photo: ids[focused] }),
  "Ctrl+a": () => select(0, ids.length - 1),
  Escape: deselect,
});

const cellAt = (target) => target?.closest(".cell");
let start = null, hold, isDrawn = false;
on(canvas, "click", (event) => {
  const cell = cellAt(event.target), { shiftKey, ctrlKey, metaKey } = event;
  if (!cell) return;
  event.preventDefault();
  if (isDrawn) { isDrawn = false; return; }
  focus(cell.photo);
  const isChoosing = shiftKey || ctrlKey || metaKey || selected.size || event.target.matches(".tick");
  if (isChoosing) toggle(cell.photo, shiftKey); else go({ photo: ids[cell.photo] });
});
// A mouse drawn over photos chooses all from the first to the last; a finger held on one begins choosing.
on(canvas, "pointerdown", (event) => {
  const cell = cellAt(event.target), isMouse = event.pointerType === "mouse";
  isDrawn = false;
  if (!cell || event.button) return;
  start = { photo: cell.photo, event, before: [...selected], isMouse };
  if (!isMouse) hold = setTimeout(() => { toggle(cell.photo); isDrawn = true; }, HOLD_MS);
});
on(window, "pointermove", ({ clientX, clientY }) => {
  if (!start || Math.hypot(clientX - start.event.clientX, clientY - start.event.clientY) < DRAWN) return;
  clearTimeout(hold);
  const cell = start.isMouse && cellAt(document.elementFromPoint(clientX, clientY));
  if (!cell) return;
  isDrawn = true;
  selected = new Set(start.before);
  anchor = start.photo;
  select(start.photo, cell.photo);
});
for (const kind of ["pointerup", "pointercancel"]) {
  on(window, kind, () => { start = null; clearTimeout(hold); });
}
on(canvas, "contextmenu", (event) => { if (isDrawn) event.preventDefault(); });

// -- the years at the side

on(slider, "input", () => scrollTo(slider.value * most));

function drawYears() {
  scrubber.hidden = !sections.length || most < 3 * view;
  const marks = [];
  let last, lastAt = -20;
  sections.forEach(({ year }, index) => {
    const at = (layout.headings[index] / layout.total) * scrubber.clientHeight;
    if (!year || year === last || at - lastAt < 20) return;
    marks.push(make("small", { style: `top:${at}px` }, year));
    last = year;
    lastAt = at;
  });
  find(".years").replaceChildren(...marks);
}

function moveScrubber() {
  if (scrubber.hidden) return;
  slider.value = y / most;
  scrubber.style.setProperty("--here", slider.value);
  bubble.textContent = slider.ariaValueText = sectionAt(y + HEADING).title;
}
