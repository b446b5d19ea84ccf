// One's own words: of the photos that were chosen in the grid, and a face that no net has found.

import { button, entry, make, photos, post, wordForm } from "/static/api.js";

export class Selection {
  constructor(bar, context) {
    Object.assign(this, { bar, context });
    this.count = make("span", { role: "status" });
    this.input = entry("Label or name", { list: "persons" });
    const label = (word) => this.say("/api/labels", { add: [word] });
    const form = wordForm(this.input, "Label", label);
    const act = (text, title, path, words) => button(text, () => {
      const word = this.input.value.trim();
      return word ? this.say(path, words(word)) : this.input.focus();
    }, { title });
    form.append(
      act("Take away", "Take this label from all of them", "/api/labels", (word) => ({ remove: [word] })),
      act("Name", "Whose face it is, in photos of one face", "/api/name", (word) => ({ person: word })),
      button("Forget", () => this.forget(), { title: "Remove from the catalog what it knows of them" }));
    bar.append(this.count, form, button("Cancel (Escape)", () => this.leave()));
    bar.addEventListener("keydown", (event) => { if (event.key === "Escape") this.leave(); });
  }

  get ids() { return [...this.context.grid.selected]; }

  leave() {  // back to the photo where one was
    const { grid } = this.context;
    grid.deselect();
    grid.focus(grid.focused);
  }

  show(selected) {
    this.bar.hidden = !selected.size;
    this.count.textContent = `${photos(selected.size)} chosen`;
  }

  async say(path, words) {
    const { ids } = this, done = await post(path, { ids, ...words });
    this.input.value = "";
    this.leave();
    this.context.told(done, ids);
  }

  async forget() {
    const { ids } = this, counted = await post("/api/forget", { ids, dry_run: true });
    if (!confirm(counted.question)) return;
    await post("/api/forget", { ids, dry_run: false });
    await this.context.reload();
  }
}

const STEP = 0.01;
const STEPS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const HINT = "The face: arrow keys move it, with Shift they change its size, Enter keeps it, Escape does not";

// Draws a face over `frame` with a mouse or finger, or places one by keys; calls `done` with its box as
// fractions of the photo, or with nothing. Returns what ends it.
export function drawFace(frame, done) {
  const box = make("div.box.drawn", { tabIndex: 0, role: "application", "aria-label": HINT },
    make("span", "Draw around the face, or move this and press Enter"));
  let edges = [0.4, 0.3, 0.6, 0.6], from = null;
  const put = (...moved) => { edges = moved; place(box, edges); };
  const end = (kept) => {
    box.remove();
    frame.onpointerdown = frame.onpointermove = frame.onpointerup = null;
    done(kept);
  };
  const keep = () => end(edges.map((edge) => Math.min(1, Math.max(0, edge))));
  box.addEventListener("keydown", (event) => {
    const [across, down] = STEPS[event.key] ?? [];
    const [left, top, right, bottom] = edges;
    if (across != null && event.shiftKey) {
      put(left, top, Math.max(left + STEP, right + across), Math.max(top + STEP, bottom + down));
    } else if (across != null) put(left + across, top + down, right + across, bottom + down);
    else if (event.key === "Enter") keep();
    else if (event.key === "Escape") end();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const at = (event) => {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  };
  frame.onpointerdown = (event) => { frame.setPointerCapture(event.pointerId); from = at(event); };
  frame.onpointermove = (event) => {
    if (!from) return;
    const [x, y] = at(event);
    put(Math.min(from[0], x), Math.min(from[1], y), Math.max(from[0], x), Math.max(from[1], y));
  };
  frame.onpointerup = () => { if (from && edges[2] - edges[0] > STEP) keep(); from = null; };
  frame.append(box);
  put(...edges);
  box.focus();
  return end;
}

// Where a box of fractions lies within its parent.
export function place(element, [left, top, right, bottom]) {
  const percent = { left, top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(percent)) element.style[name] = `${value * 100}%`;
}
