// All photos of a question as justified rows. Rows are numbers in typed arrays; elements exist for what is near
// the window alone. Layout objects for every photo are what makes such pages slow.

import { get, make, monthText, photos as countPhotos } from "/static/api.js";

const GAP = 6, HEADING = 52, MOST_NODES = 300, QUIET_MS = 60, MOST_LINES = 5000;
// Browsers cap heights (Chromium at 33.5 million device pixels, Firefox at 17.9): beyond, scrolling is scaled.
const TALLEST = 8_000_000, FAR = 1_000_000;

// The rows of a page so wide: `first` photo, `top` and `height` of each, and its `section` where it is a heading.
export function layOut(ratios, sections, width, target) {
  const most = ratios.length + 2 * sections.length + 2;
  const first = new Uint32Array(most), top = new Float64Array(most), height = new Float32Array(most);
  const section = new Int32Array(most).fill(-1);
  let rows = 0, at = 0, photo = 0;
  const parts = sections.length ? sections.map((each) => each[1]) : [ratios.length];
  parts.forEach((count, index) => {
    if (sections.length) {
      first[rows] = photo; top[rows] = at; height[rows] = HEADING; section[rows++] = index;
      at += HEADING;
    }
    const end = photo + count;
    while (photo < end) {
      let sum = 0, next = photo, high = 0;
      do {
        sum += ratios[next++] / 1000;
        high = (width - GAP * (next - photo - 1)) / sum;
      } while (next < end && high > target);
      first[rows] = photo; top[rows] = at;
      height[rows] = Math.min(high, next === end ? target : target * 1.5);
      at += height[rows++] + GAP;
      photo = next;
    }
  });
  first[rows] = photo; top[rows] = at;
  return { first, top, height, section, rows, total: at };
}

export class PhotoGrid {
  constructor(scroller, canvas, scrubber, { onOpen, onSelect, address }) {
    Object.assign(this, { scroller, canvas, scrubber, onOpen, onSelect, address });
    this.layer = make("div.layer");
    canvas.append(this.layer);
    this.nodes = new Map();      // photo's place -> its element
    this.headings = new Map();   // section -> its element
    this.pool = [];
    this.lines = new Map();      // id -> what a line about it tells
    this.selected = new Set();   // ids
    this.focused = 0;
    this.grid = { ids: new Uint32Array(), ratios: new Uint16Array(), sections: [] };
    this.y = 0; this.lastTop = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(scroller);
    this.listen();
  }

  show(grid, y = 0) {
    this.grid = grid;
    this.focused = 0; this.anchor = null;
    this.clear();
    this.place();
    this.to(y);
    this.canvas.setAttribute("aria-label", countPhotos(grid.photos));
  }

  clear() {
    for (const node of this.nodes.values()) this.drop(node);
    for (const node of this.headings.values()) node.remove();
    this.nodes.clear(); this.headings.clear();
  }

  place() {
    this.width = this.scroller.clientWidth - (parseFloat(getComputedStyle(this.canvas).paddingLeft) || 0) * 2;
    this.view = this.scroller.clientHeight;
    const target = this.width < 600 ? 120 : this.width > 2200 ? 260 : 200;
    this.layout = layOut(this.grid.ratios, this.grid.sections, Math.max(this.width, 100), target);
    this.height = Math.min(this.layout.total + 80, TALLEST);
    this.most = Math.max(0, this.layout.total + 80 - this.view);  // the greatest y
    this.canvas.style.height = `${this.height}px`;
    this.drawScrubber();
  }

  resized() {
    if (!this.layout || (this.scroller.clientWidth === this.lastWidth && this.scroller.clientHeight === this.view)) return;
    this.lastWidth = this.scroller.clientWidth;
    if (!this.lastWidth) return;
    const row = this.rowAt(this.y), photo = this.layout.first[row], within = this.y - this.layout.top[row], atEnd = this.y >= this.most - 1;
    this.clear();
    this.place();
    this.to(atEnd && this.y ? this.most : this.y ? this.layout.top[this.rowOf(photo)] + within : 0);
  }

  // -- where the window is: y in the whole page; the scroll bar may be shorter

  get scaled() { return this.layout.total + 80 > TALLEST; }

  to(y) {
    this.y = Math.min(Math.max(0, y), this.most);
    this.settle();
    this.draw();
  }

  settle() {  // the scroll bar where it belongs for this y
    const room = this.height - this.view;
    this.lastTop = this.scaled ? (this.most ? (this.y / this.most) * room : 0) : this.y;
    this.scroller.scrollTop = this.lastTop;
    this.lastTop = this.scroller.scrollTop;
  }

  scrolled() {
    const now = this.scroller.scrollTop, moved = now - this.lastTop, room = this.height - this.view;
    if (!moved) return;
    this.lastTop = now;
    if (!this.scaled) this.y = now;
    else if (Math.abs(moved) < 2 * this.view && now > 0 && now < room - 1) this.y = Math.min(Math.max(0, this.y + moved), this.most);
    else this.y = room > 0 ? (now / room) * this.most : 0;
    if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  rowAt(y) {
    let low = 0, high = this.layout.rows;
    while (low < high - 1) {
      const middle = (low + high) >> 1;
      if (this.layout.top[middle] <= y) low = middle; else high = middle;
    }
    return low;
  }

  rowOf(photo) {  // the last row that begins at or before it: not its heading
    let low = 0, high = this.layout.rows;
    while (low < high - 1) {
      const middle = (low + high) >> 1;
      if (this.layout.first[middle] <= photo) low = middle; else high = middle;
    }
    return low;
  }

  // -- drawing

  draw() {
    if (!this.layout) return;
    const { first, top, height, section, rows } = this.layout, wanted = new Map(), headings = new Map();
    // Elements lie relative to a near origin: coordinates of millions are not drawn exactly.
    if (this.origin == null || Math.abs(this.y - this.origin) > FAR || !this.nodes.size) { this.origin = this.y; this.clear(); }
    this.layer.style.transform = `translateY(${this.lastTop - this.y + this.origin}px)`;
    const over = this.view / 2, end = this.y + this.view;
    for (let row = this.rowAt(Math.max(0, this.y - over)); row < rows && top[row] < end + over; row++) {
      if (section[row] >= 0) { headings.set(section[row], row); continue; }
      const seen = top[row] < end && top[row] + height[row] > this.y;
      if (!seen && wanted.size > MOST_NODES - 40) { if (top[row] >= end) break; continue; }
      let x = 0;
      for (let photo = first[row]; photo < first[row + 1] && wanted.size < MOST_NODES - headings.size - 2; photo++) {
        const wide = (this.grid.ratios[photo] / 1000) * height[row];
        wanted.set(photo, [x, top[row] - this.origin, Math.min(wide, this.width), height[row], seen]);
        x += wide + GAP;
      }
    }
    for (const [photo, node] of this.nodes) if (!wanted.has(photo)) { this.drop(node); this.nodes.delete(photo); }
    for (const [index, node] of this.headings) if (!headings.has(index)) { node.remove(); this.headings.delete(index); }
    for (const [photo, place] of wanted) {
      if (!this.nodes.has(photo)) this.nodes.set(photo, this.take(photo, place));
      this.nodes.get(photo).seen = place[4];
    }
    for (const [index, row] of headings) {
      if (!this.headings.has(index)) {
        const [month, count, guessed] = this.grid.sections[index];
        const note = guessed === count ? ", by the files' own dates" : guessed ? `, ${guessed} of them by the file's own date` : "";
        const node = make("div.month", { role: "presentation" }, make("b", {}, monthText(month)), ` ${countPhotos(count)}${note}`);
        node.style.transform = `translateY(${top[row] - this.origin}px)`;
        this.headings.set(index, node);
        this.layer.append(node);
      }
    }
    this.moveScrubber();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.rest(), QUIET_MS);
  }

  take(photo, [x, y, wide, high]) {
    const node = this.pool.pop() ?? make("a.cell", { role: "option", draggable: false },
      make("img", { alt: "", draggable: false, decoding: "async" }), make("span.tick", { "aria-hidden": "true" }), make("span.mark", { "aria-hidden": "true" }));
    const id = this.grid.ids[photo];
    node.photo = photo;
    node.id = `photo-${id}`;
    node.href = this.address(id);
    node.tabIndex = photo === this.focused ? 0 : -1;
    node.setAttribute("aria-setsize", this.grid.photos);
    node.setAttribute("aria-posinset", photo + 1);
    node.style.cssText = `transform:translate(${x}px,${y}px);width:${wide}px;height:${high}px`;
    this.tell(node);
    this.layer.append(node);
    return node;
  }

  drop(node) {
    const image = node.firstChild;
    image.removeAttribute("src");
    image.className = "";
    node.remove();
    if (this.pool.length < MOST_NODES) this.pool.push(node);
  }

  tell(node) {  // what is known of it, for those who see and those who hear
    const id = this.grid.ids[node.photo], line = this.lines.get(id), chosen = this.selected.has(id);
    node.setAttribute("aria-selected", chosen);
    node.classList.toggle("chosen", chosen);
    const words = line && [line.taken ? line.taken.slice(0, 16) + (line.date_is_guessed ? " (file date)" : "") : "no date",
      line.everyone_smiling && (line.faces > 1 ? "all smile" : "smiles"), ...line.persons, ...line.labels, ...line.things, ...line.kinds, line.error];
    const text = words ? words.filter(Boolean).join(", ") : `Photo ${node.photo + 1}`;
    node.setAttribute("aria-label", text);
    node.title = line ? `${line.name}\n${text}` : "";
    node.lastChild.textContent = line?.error ? "!" : line?.everyone_smiling ? "☺" : "";
  }

  rest() {  // no scrolling for a moment: now pictures may start
    if (!this.layout) return;
    if (this.scaled) this.settle(), this.layer.style.transform = `translateY(${this.lastTop - this.y + this.origin}px)`;
    const nodes = [...this.nodes.values()].sort((a, b) => b.seen - a.seen || a.photo - b.photo);
    for (const node of nodes) {
      const image = node.firstChild;
      if (image.hasAttribute("src")) continue;
      image.onload = () => { image.className = "there"; };
      image.onerror = () => { if (image.hasAttribute("src")) node.lastChild.textContent = "!"; };
      image.src = `/320/${this.grid.ids[node.photo]}`;
    }
    this.learn(nodes);
  }

  async learn(nodes) {
    const missing = nodes.map((node) => this.grid.ids[node.photo]).filter((id) => !this.lines.has(id));
    if (!missing.length) return;
    if (this.lines.size > MOST_LINES) this.lines.clear();
    try {
      for (const line of await get("/api/photos", { ids: missing.slice(0, 500).join() })) this.lines.set(line.id, line);
    } catch { return; }  // the pictures are there; what they show is asked again at the next rest
    for (const node of this.nodes.values()) this.tell(node);
  }

  forget(ids) {  // what was known of them has changed
    for (const id of ids) this.lines.delete(id);
    this.rest();
  }

  // -- focus and selection

  indexOf(id) { return this.grid.ids.indexOf(id); }

  focus(photo, { take = true } = {}) {
    if (photo < 0 || photo >= this.grid.photos) return;
    this.nodes.get(this.focused)?.setAttribute("tabindex", "-1");
    this.focused = photo;
    const row = this.rowOf(photo), top = this.layout.top[row], bottom = top + this.layout.height[row];
    if (top < this.y + 8) this.to(top - HEADING);
    else if (bottom > this.y + this.view - 8) this.to(bottom - this.view + 24);
    const node = this.nodes.get(photo);
    node?.setAttribute("tabindex", "0");
    if (take) node?.focus({ preventScroll: true });
  }

  select(from, to, on = true) {
    for (let photo = Math.min(from, to); photo <= Math.max(from, to); photo++) {
      if (on) this.selected.add(this.grid.ids[photo]); else this.selected.delete(this.grid.ids[photo]);
    }
    this.selectionChanged();
  }

  selectionChanged() {
    for (const node of this.nodes.values()) this.tell(node);
    this.canvas.classList.toggle("choosing", this.selected.size > 0);
    this.onSelect(this.selected);
  }

  deselect() { this.selected.clear(); this.anchor = null; this.selectionChanged(); }

  toggle(photo, range) {
    const on = !this.selected.has(this.grid.ids[photo]);
    if (range && this.anchor != null) this.select(this.anchor, photo);
    else { this.select(photo, photo, on); this.anchor = photo; }
  }

  listen() {
    const cellOf = (event) => event.target.closest?.(".cell");
    this.canvas.addEventListener("click", (event) => {
      const cell = cellOf(event);
      if (!cell || event.metaKey && !event.target.classList.contains("tick") && !this.selected.size) return;
      event.preventDefault();
      if (this.dragged) { this.dragged = false; return; }
      this.focus(cell.photo);
      if (event.shiftKey || event.ctrlKey || event.metaKey || this.selected.size || event.target.classList.contains("tick")) this.toggle(cell.photo, event.shiftKey);
      else this.onOpen(this.grid.ids[cell.photo]);
    });
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    // A mouse drawn over photos chooses all from the first to the last; a finger held on one begins choosing.
    let start = null, hold;
    this.canvas.addEventListener("pointerdown", (event) => {
      const cell = cellOf(event);
      this.dragged = false;
      if (!cell || event.button) return;
      if (event.pointerType === "mouse") start = { photo: cell.photo, x: event.clientX, y: event.clientY, was: new Set(this.selected) };
      else hold = setTimeout(() => { this.toggle(cell.photo); this.dragged = true; navigator.vibrate?.(10); }, 500);
    });
    addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") { if (Math.hypot(event.movementX, event.movementY) > 4) clearTimeout(hold); return; }
      if (!start || Math.hypot(event.clientX - start.x, event.clientY - start.y) < 6) return;
      const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".cell");
      if (!cell) return;
      this.dragged = true;
      this.selected = new Set(start.was);
      this.anchor = start.photo;
      this.select(start.photo, cell.photo);
    });
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => { start = null; clearTimeout(hold); });
    this.canvas.addEventListener("contextmenu", (event) => { if (this.dragged) event.preventDefault(); });

    const scrub = (event) => {
      const box = this.scrubber.getBoundingClientRect();
      this.to(((event.clientY - box.top) / box.height) * this.most);
      this.scrubber.classList.add("moving");
    };
    this.scrubber.addEventListener("pointerdown", (event) => { this.scrubber.setPointerCapture(event.pointerId); scrub(event); });
    this.scrubber.addEventListener("pointermove", (event) => { if (this.scrubber.hasPointerCapture(event.pointerId)) scrub(event); });
    this.scrubber.addEventListener("lostpointercapture", () => this.scrubber.classList.remove("moving"));
    this.scrubber.addEventListener("keydown", (event) => {
      const steps = { ArrowDown: this.view, ArrowUp: -this.view, PageDown: this.most / 10, PageUp: -this.most / 10, Home: -this.most, End: this.most };
      if (event.key in steps) { event.preventDefault(); this.to(this.y + steps[event.key]); }
    });
  }

  pressed(event) {
    if (event.altKey) return;
    const row = this.rowOf(this.focused), per = Math.max(1, Math.floor(this.view / 220));
    const beside = (rows) => {  // the photo nearest below or above
      let next = row;
      for (let step = Math.abs(rows); step; next += Math.sign(rows)) {
        const further = next + Math.sign(rows);
        if (further < 0 || further >= this.layout.rows) break;
        if (this.layout.section[further] < 0) step--;
      }
      const { first } = this.layout;
      while (next < this.layout.rows && this.layout.section[next] >= 0) next++;
      const share = (this.focused - first[row]) / Math.max(1, first[row + 1] - first[row]);
      return Math.min(first[next] + Math.round(share * (first[next + 1] - first[next])), Math.max(first[next], first[next + 1] - 1));
    };
    const last = this.grid.photos - 1;
    const to = {
      ArrowRight: () => Math.min(this.focused + 1, last), ArrowLeft: () => Math.max(this.focused - 1, 0),
      ArrowDown: () => beside(1), ArrowUp: () => beside(-1), PageDown: () => beside(per), PageUp: () => beside(-per),
      Home: () => 0, End: () => last,
    }[event.key];
    if (to) {
      event.preventDefault();
      const from = this.focused;
      this.anchor ??= from;
      this.focus(to());
      if (event.shiftKey) this.select(this.anchor, this.focused);
      else if (!this.selected.size) this.anchor = null;
    } else if (event.key === " ") {
      event.preventDefault();
      this.toggle(this.focused, event.shiftKey);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.onOpen(this.grid.ids[this.focused]);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.select(0, last);
    } else if (event.key === "Escape" && this.selected.size) this.deselect();
  }

  // -- the years at the side

  drawScrubber() {
    const { sections } = this.grid, { section, top, rows } = this.layout;
    this.scrubber.hidden = !sections.length || this.most < 3 * this.view;
    this.scrubber.replaceChildren(make("span.here"), make("span.bubble"));
    if (this.scrubber.hidden) return;
    let lastYear = "", lastAt = -1;
    const high = this.scrubber.clientHeight || this.view;
    for (let row = 0; row < rows; row++) {
      if (section[row] < 0) continue;
      const year = sections[section[row]][0].slice(0, 4), at = (top[row] / this.layout.total) * high;
      if (!year || year === lastYear || at - lastAt < 20 && lastAt >= 0) continue;
      const mark = make("span.year", {}, year);
      mark.style.top = `${at}px`;
      this.scrubber.append(mark);
      lastYear = year; lastAt = at;
    }
  }

  moveScrubber() {
    if (this.scrubber.hidden) return;
    const share = this.most ? this.y / this.most : 0, row = this.rowAt(this.y + 60);
    let index = row;
    while (index > 0 && this.layout.section[index] < 0) index--;
    const text = monthText(this.grid.sections[this.layout.section[index]]?.[0]);
    const [here, bubble] = this.scrubber.children;
    here.style.top = bubble.style.top = `${share * 100}%`;
    bubble.textContent = text;
    this.scrubber.setAttribute("aria-valuenow", Math.round(share * 100));
    this.scrubber.setAttribute("aria-valuetext", text);
  }
}
