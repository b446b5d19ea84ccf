// All photos of a question as justified rows. Rows are numbers in typed arrays; elements exist for what is
// near the window alone. Layout objects for every photo are what makes such pages slow.

import { get, make, photos as countPhotos } from "/static/api.js";

const GAP = 6, HEADING = 52, FOOT = 80, MOST_NODES = 300, QUIET_MS = 60, HOLD_MS = 500, MOST_LINES = 5000;
// Browsers cap heights (Chromium at 33.5 million device pixels, Firefox at 17.9): beyond, scrolling is scaled.
// Coordinates of millions are not drawn exactly either: elements lie relative to an origin less FAR away.
const TALLEST = 8_000_000, FAR = 1_000_000;

const within = (value, most) => Math.min(Math.max(0, value), most);
const monthText = (month) => {
  if (month?.length !== 7) return month || "No date";
  const [year, which] = month.split("-");
  return `${new Date(2000, which - 1).toLocaleString("en", { month: "long" })} ${year}`;
};

// The rows of a page so wide: `first` photo, `top` and `height` of each; `section` of those that are headings.
function layOut(ratios, sections, width, target) {
  const most = ratios.length + 2 * sections.length + 2;
  const first = new Uint32Array(most), top = new Float64Array(most), height = new Float32Array(most);
  const section = new Int32Array(most).fill(-1);
  let rows = 0, at = 0, photo = 0;
  const add = (high, gap = 0) => {
    first[rows] = photo; top[rows] = at; height[rows++] = high;
    at += high + gap;
  };
  const parts = sections.length ? sections.map((each) => each[1]) : [ratios.length];
  parts.forEach((count, index) => {
    if (sections.length) { section[rows] = index; add(HEADING); }
    const end = photo + count;
    while (photo < end) {
      let sum = 0, next = photo, high = 0;
      do {
        sum += ratios[next++] / 1000;
        high = (width - GAP * (next - photo - 1)) / sum;
      } while (next < end && high > target);
      add(Math.min(high, next === end ? target : target * 1.5), GAP);
      photo = next;
    }
  });
  first[rows] = photo; top[rows] = at;
  return { first, top, height, section, rows, total: at };
}

// The last place whose value is not beyond `wanted`.
function search(values, length, wanted) {
  let low = 0, high = length;
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle; else high = middle;
  }
  return low;
}

export class PhotoGrid {
  constructor(scroller, canvas, scrubber, { onOpen, onSelect, address }) {
    Object.assign(this, { scroller, canvas, scrubber, onOpen, onSelect, address });
    this.layer = make("div.layer");
    canvas.append(this.layer);
    this.nodes = new Map();      // photo's place -> its element
    this.headings = new Map();   // row of a heading -> its element
    this.pool = [];
    this.lines = new Map();      // id -> what a line about it tells
    this.selected = new Set();   // ids
    this.grid = { ids: new Uint32Array(), ratios: new Uint16Array(), sections: [] };
    this.focused = this.y = this.lastTop = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(scroller);
    this.listen();
  }

  show(grid, y = 0) {
    this.grid = grid;
    this.focused = 0;
    this.anchor = null;
    this.lines.clear();
    this.place();
    this.to(y);
    this.canvas.setAttribute("aria-label", countPhotos(grid.photos));
  }

  clear() {
    for (const node of this.nodes.values()) this.drop(node);
    for (const node of this.headings.values()) node.remove();
    this.nodes.clear();
    this.headings.clear();
  }

  place() {
    this.clear();
    this.width = this.scroller.clientWidth - 2 * parseFloat(getComputedStyle(this.canvas).paddingLeft);
    this.view = this.scroller.clientHeight;
    const target = this.width < 600 ? 120 : this.width > 2200 ? 260 : 200;
    this.layout = layOut(this.grid.ratios, this.grid.sections, Math.max(this.width, 100), target);
    const total = this.layout.total + FOOT;
    this.scaled = total > TALLEST;
    this.room = Math.max(0, Math.min(total, TALLEST) - this.view);  // the greatest scrollTop
    this.most = Math.max(0, total - this.view);  // the greatest y
    this.canvas.style.height = `${Math.min(total, TALLEST)}px`;
    this.drawScrubber();
  }

  resized() {
    const { clientWidth, clientHeight } = this.scroller;
    if (!this.layout || !clientWidth || (clientWidth === this.lastWidth && clientHeight === this.view)) return;
    this.lastWidth = clientWidth;
    const { first, top } = this.layout, row = this.rowAt(this.y), past = this.y - top[row];
    const { y } = this, atEnd = y > 0 && y >= this.most - 1;
    this.place();
    this.to(atEnd ? this.most : y && this.layout.top[this.rowOf(first[row])] + past);
  }

  // -- where the window is: y in the whole page; the scroll bar may be shorter

  to(y) {
    this.y = within(y, this.most);
    this.settle();
    this.draw();
  }

  settle() {  // the scroll bar where it belongs for this y
    this.scroller.scrollTop = this.scaled ? (this.y / this.most) * this.room : this.y;
    this.lastTop = this.scroller.scrollTop;
  }

  scrolled() {
    const now = this.scroller.scrollTop, moved = now - this.lastTop;
    if (!moved) return;
    this.lastTop = now;
    const isStep = Math.abs(moved) < 2 * this.view && now > 0 && now < this.room - 1;
    if (!this.scaled) this.y = now;
    else this.y = isStep ? within(this.y + moved, this.most) : (now / this.room) * this.most;
    this.waiting ||= requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  rowAt(y) { return search(this.layout.top, this.layout.rows, y); }
  rowOf(photo) { return search(this.layout.first, this.layout.rows, photo); }

  // -- drawing

  draw() {
    if (!this.layout) return;
    const { first, top, height, section, rows } = this.layout, wanted = new Map(), headings = new Set();
    if (this.origin == null || Math.abs(this.y - this.origin) > FAR) { this.origin = this.y; this.clear(); }
    this.shift();
    const over = this.view / 2, end = this.y + this.view, most = MOST_NODES - 2;
    for (let row = this.rowAt(Math.max(0, this.y - over)); row < rows && top[row] < end + over; row++) {
      if (section[row] >= 0) { headings.add(row); continue; }
      const seen = top[row] < end && top[row] + height[row] > this.y;
      if (!seen && wanted.size > MOST_NODES - 40) continue;
      let x = 0;
      for (let photo = first[row]; photo < first[row + 1] && wanted.size + headings.size < most; photo++) {
        const wide = (this.grid.ratios[photo] / 1000) * height[row];
        wanted.set(photo, { x, y: top[row], wide: Math.min(wide, this.width), high: height[row], seen });
        x += wide + GAP;
      }
    }
    for (const [photo, node] of this.nodes) {
      if (!wanted.has(photo)) { this.drop(node); this.nodes.delete(photo); }
    }
    for (const [row, node] of this.headings) {
      if (!headings.has(row)) { node.remove(); this.headings.delete(row); }
    }
    for (const [photo, place] of wanted) {
      if (!this.nodes.has(photo)) this.nodes.set(photo, this.take(photo, place));
      this.nodes.get(photo).seen = place.seen;
    }
    for (const row of headings) if (!this.headings.has(row)) this.headings.set(row, this.head(row));
    this.moveScrubber();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.rest(), QUIET_MS);
  }

  shift() { this.layer.style.transform = `translateY(${this.lastTop - this.y + this.origin}px)`; }

  head(row) {
    const [month, count, guessed] = this.grid.sections[this.layout.section[row]];
    const note = !month || !guessed ? "" : guessed === count ? " (file date)" : ` (${guessed} by file date)`;
    const text = ` ${countPhotos(count)}${note}`;
    const node = make("div.month", { role: "presentation" }, make("b", monthText(month)), text);
    node.style.transform = `translateY(${this.layout.top[row] - this.origin}px)`;
    this.layer.append(node);
    return node;
  }

  take(photo, { x, y, wide, high }) {
    const node = this.pool.pop() ?? make("a.cell", { role: "option", draggable: false },
      make("img", { alt: "", draggable: false, decoding: "async" }),
      make("span.tick", { "aria-hidden": true }), make("span.mark", { "aria-hidden": true }));
    const id = this.grid.ids[photo];
    node.photo = photo;
    node.id = `photo-${id}`;
    node.href = this.address(id);
    node.tabIndex = photo === this.focused ? 0 : -1;
    node.setAttribute("aria-setsize", this.grid.photos);
    node.setAttribute("aria-posinset", photo + 1);
    node.style.cssText = `transform:translate(${x}px,${y - this.origin}px);width:${wide}px;height:${high}px`;
    this.tell(node);
    this.layer.append(node);
    return node;
  }

  drop(node) {
    node.firstChild.removeAttribute("src");
    node.firstChild.className = "";
    node.remove();
    this.pool.push(node);
  }

  tell(node) {  // what is known of it, for those who see and those who hear
    const id = this.grid.ids[node.photo], line = this.lines.get(id), chosen = this.selected.has(id);
    node.setAttribute("aria-selected", chosen);
    node.classList.toggle("chosen", chosen);
    node.setAttribute("aria-label", line?.text ?? `Photo ${node.photo + 1}`);
    node.title = line ? `${line.name}\n${line.text}` : "";
    node.lastChild.textContent = line?.mark ?? "";
  }

  rest() {  // no scrolling for a moment: now pictures may start
    if (this.scaled) { this.settle(); this.shift(); }
    const nodes = [...this.nodes.values()].sort((a, b) => b.seen - a.seen || a.photo - b.photo);
    for (const node of nodes) {
      const image = node.firstChild;
      if (image.hasAttribute("src")) continue;
      image.onload = () => { image.className = "there"; };
      image.onerror = () => { if (image.hasAttribute("src")) node.lastChild.textContent = "!"; };
      image.src = `/320/${this.grid.ids[node.photo]}`;
    }
    this.learn(nodes.map((node) => this.grid.ids[node.photo]).filter((id) => !this.lines.has(id)));
  }

  async learn(ids) {
    if (!ids.length) return;
    if (this.lines.size > MOST_LINES) this.lines.clear();
    for (const line of await get("/api/photos", { ids: ids.join() })) this.lines.set(line.id, line);
    for (const node of this.nodes.values()) this.tell(node);
  }

  forget(ids) {  // what was known of them has changed
    for (const id of ids) this.lines.delete(id);
    this.rest();
  }

  // -- focus and selection

  indexOf(id) { return this.grid.ids.indexOf(id); }

  focus(photo) {
    if (photo < 0 || photo >= this.grid.photos) return;
    this.nodes.get(this.focused)?.setAttribute("tabindex", -1);
    this.focused = photo;
    const row = this.rowOf(photo), top = this.layout.top[row], bottom = top + this.layout.height[row];
    if (top < this.y + 8) this.to(top - HEADING);
    else if (bottom > this.y + this.view - 8) this.to(bottom - this.view + 24);
    const node = this.nodes.get(photo);
    node?.setAttribute("tabindex", 0);
    node?.focus({ preventScroll: true });
  }

  select(from, to, on = true) {
    for (const id of this.grid.ids.subarray(Math.min(from, to), Math.max(from, to) + 1)) {
      if (on) this.selected.add(id); else this.selected.delete(id);
    }
    this.selectionChanged();
  }

  selectionChanged() {
    for (const node of this.nodes.values()) this.tell(node);
    this.canvas.classList.toggle("choosing", this.selected.size > 0);
    this.onSelect(this.selected);
  }

  deselect() {
    this.selected.clear();
    this.anchor = null;
    this.selectionChanged();
  }

  toggle(photo, range) {
    if (range && this.anchor != null) return this.select(this.anchor, photo);
    this.select(photo, photo, !this.selected.has(this.grid.ids[photo]));
    this.anchor = photo;
  }

  listen() {
    const cellAt = (target) => target?.closest?.(".cell");
    let start = null, hold, dragged = false;
    this.canvas.addEventListener("click", (event) => {
      const cell = cellAt(event.target), { shiftKey, ctrlKey, metaKey } = event;
      if (!cell) return;
      event.preventDefault();
      if (dragged) { dragged = false; return; }
      this.focus(cell.photo);
      const isChoosing = shiftKey || ctrlKey || metaKey || this.selected.size || event.target.matches(".tick");
      if (isChoosing) this.toggle(cell.photo, shiftKey);
      else this.onOpen(this.grid.ids[cell.photo]);
    });
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    // A mouse drawn over photos chooses all from the first to the last; a finger held on one begins choosing.
    this.canvas.addEventListener("pointerdown", (event) => {
      const cell = cellAt(event.target), { clientX, clientY } = event;
      dragged = false;
      if (!cell || event.button) return;
      const isMouse = event.pointerType === "mouse";
      start = { photo: cell.photo, clientX, clientY, was: [...this.selected], isMouse };
      if (!start.isMouse) hold = setTimeout(() => { this.toggle(cell.photo); dragged = true; }, HOLD_MS);
    });
    addEventListener("pointermove", (event) => {
      if (!start || Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 6) return;
      clearTimeout(hold);
      const cell = start.isMouse && cellAt(document.elementFromPoint(event.clientX, event.clientY));
      if (!cell) return;
      dragged = true;
      this.selected = new Set(start.was);
      this.anchor = start.photo;
      this.select(start.photo, cell.photo);
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      addEventListener(kind, () => { start = null; clearTimeout(hold); });
    }
    this.canvas.addEventListener("contextmenu", (event) => { if (dragged) event.preventDefault(); });

    const { scrubber } = this;
    const scrub = (event) => {
      if (!scrubber.hasPointerCapture(event.pointerId)) return;
      const { top, height } = scrubber.getBoundingClientRect();
      this.to(((event.clientY - top) / height) * this.most);
    };
    scrubber.addEventListener("pointerdown", (event) => {
      scrubber.setPointerCapture(event.pointerId);
      scrub(event);
    });
    scrubber.addEventListener("pointermove", scrub);
    scrubber.addEventListener("keydown", (event) => {
      const { view, most } = this;
      const tenth = most / 10, steps = { ArrowDown: view, ArrowUp: -view, PageDown: tenth, PageUp: -tenth };
      const by = { ...steps, Home: -most, End: most }[event.key];
      if (by == null) return;
      event.preventDefault();
      this.to(this.y + by);
    });
  }

  beside(rows) {  // the photo nearest to the focused one, so many rows below
    const { first, section, rows: all } = this.layout, from = this.rowOf(this.focused), way = Math.sign(rows);
    let row = from;
    for (let next = from + way, left = Math.abs(rows); left && next >= 0 && next < all; next += way) {
      if (section[next] < 0) { row = next; left--; }
    }
    const share = (this.focused - first[from]) / (first[from + 1] - first[from]);
    return Math.min(first[row] + Math.round(share * (first[row + 1] - first[row])), first[row + 1] - 1);
  }

  pressed(event) {
    if (event.altKey) return;
    const last = this.grid.photos - 1, page = Math.max(1, Math.floor(this.view / 220)), { key } = event;
    const to = {
      ArrowRight: () => this.focused + 1, ArrowLeft: () => this.focused - 1, Home: () => 0, End: () => last,
      ArrowDown: () => this.beside(1), ArrowUp: () => this.beside(-1),
      PageDown: () => this.beside(page), PageUp: () => this.beside(-page),
    }[key];
    if (to) {
      this.anchor ??= this.focused;
      this.focus(within(to(), last));
      if (event.shiftKey) this.select(this.anchor, this.focused);
      else if (!this.selected.size) this.anchor = null;
    } else if (key === " ") this.toggle(this.focused, event.shiftKey);
    else if (key === "Enter") this.onOpen(this.grid.ids[this.focused]);
    else if (key === "a" && (event.ctrlKey || event.metaKey)) this.select(0, last);
    else if (key === "Escape" && this.selected.size) this.deselect();
    else return;
    event.preventDefault();
  }

  // -- the years at the side

  drawScrubber() {
    const { sections } = this.grid, { section, top, rows, total } = this.layout, { scrubber } = this;
    scrubber.hidden = !sections.length || this.most < 3 * this.view;
    scrubber.replaceChildren(make("span.here"), make("span.bubble"));
    if (scrubber.hidden) return;
    let lastYear = "", lastAt = -20;
    for (let row = 0; row < rows; row++) {
      const year = sections[section[row]]?.[0].slice(0, 4), at = (top[row] / total) * scrubber.clientHeight;
      if (!year || year === lastYear || at - lastAt < 20) continue;
      const mark = make("span.year", year);
      mark.style.top = `${at}px`;
      scrubber.append(mark);
      lastYear = year; lastAt = at;
    }
  }

  moveScrubber() {
    const { scrubber, layout: { section } } = this, [here, bubble] = scrubber.children;
    if (scrubber.hidden) return;
    let row = this.rowAt(this.y + 60);
    while (row > 0 && section[row] < 0) row--;
    const percent = this.most ? (this.y / this.most) * 100 : 0;
    const text = monthText(this.grid.sections[section[row]]?.[0]);
    here.style.top = bubble.style.top = `${percent}%`;
    bubble.textContent = text;
    scrubber.setAttribute("aria-valuenow", Math.round(percent));
    scrubber.setAttribute("aria-valuetext", text);
  }
}
