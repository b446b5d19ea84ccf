// One photo in full: what was seen in it, who counts, why everyone smiles or not, and one's own words.

import { find, get, make, post, query, sizeText, toast } from "/static/api.js";

const ARROWS = { previous: "M15 4l-8 8 8 8", next: "M9 4l8 8-8 8", close: "M5 5l14 14M19 5L5 19" };
const MOST_ZOOM = 8;

export function icon(path) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

export class Viewer {
  constructor(dialog, context) {
    Object.assign(this, { dialog, context, id: 0, zoom: 1, x: 0, y: 0 });
    this.boxesShown = true;
    const button = (name, label, act) => make(`button.${name}`, { type: "button", "aria-label": label, title: label, onclick: act }, icon(ARROWS[name]));
    this.image = make("img", { alt: "", draggable: false });
    this.boxes = make("div.boxes");
    this.frame = make("div.frame", {}, this.image, this.boxes);
    this.stage = make("div.stage", {}, this.frame);
    this.panel = make("div.panel", { tabIndex: 0, role: "region", ariaLabel: "About this photo" });
    this.counter = make("span.counter");
    this.previous = button("previous", "Previous photo (left arrow)", () => this.step(-1));
    this.next = button("next", "Next photo (right arrow)", () => this.step(1));
    this.bar = make("div.bar", {}, this.counter,
      this.toggle("Boxes", "b", () => { this.boxesShown = !this.boxesShown; this.drawBoxes(); }, true),
      this.toggle("About", "i", () => { dialog.classList.toggle("bare"); this.fit(); }, true),
      make("button", { type: "button", title: "Full screen (f)", onclick: () => this.fullScreen() }, "Full screen"),
      button("close", "Close (Escape)", () => this.leave()));
    dialog.tabIndex = -1;
    dialog.autofocus = true;
    dialog.append(make("div.picture", {}, this.stage, this.previous, this.next, this.bar), this.panel);
    this.listen();
  }

  toggle(text, key, act, on) {
    const button = make("button", { type: "button", "aria-pressed": String(on), title: `${text} (${key})` }, text);
    button.addEventListener("click", () => { button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true"); act(); });
    this[key] = button;
    return button;
  }

  get index() { return this.context.grid.indexOf(this.id); }

  async open(id) {
    const fresh = id !== this.id;
    if (this.drawing) this.stopDrawing();
    this.id = id;
    this.leaving = false;
    if (!this.dialog.open) this.dialog.showModal();
    if (!fresh) return;
    this.photo = null;
    this.reset();
    this.boxes.replaceChildren();
    this.image.src = `/320/${id}`;  // at once, from the grid; the large one takes its place
    const large = new Image();
    large.onload = () => { if (this.id === id) this.image.src = large.src; };
    large.onerror = () => { if (this.id === id && !this.photo?.missing_since) toast("This photo cannot be shown: its file is gone or damaged."); };
    large.src = `/1600/${id}`;
    const { grid } = this.context, at = this.index;
    this.counter.textContent = at < 0 ? "" : `${(at + 1).toLocaleString("en")} of ${grid.grid.photos.toLocaleString("en")}`;
    this.previous.hidden = at <= 0;
    this.next.hidden = at < 0 || at >= grid.grid.photos - 1;
    this.keepFocus();
    for (const near of [at + 1, at - 1]) if (grid.grid.ids[near] !== undefined) new Image().src = `/1600/${grid.grid.ids[near]}`;
    await this.load();
  }

  keepFocus() {  // a button that has just gone takes the focus, and with it the keys, out of the dialog
    if (document.activeElement?.hidden || !this.dialog.contains(document.activeElement)) this.dialog.focus({ preventScroll: true });
  }

  async load() {
    const id = this.id;
    try {
      const photo = await get(`/api/photo/${id}`);
      if (this.id !== id) return;
      this.photo = photo;
      this.image.alt = [`Photo of ${photo.taken_text}`, ...photo.labels].join(", ");
      this.describe();
      this.fit();
      this.keepFocus();
    } catch (error) { this.panel.replaceChildren(make("p", {}, error.message)); }
  }

  close() {
    if (!this.id) return;
    const at = this.index;
    this.id = 0;
    this.leaving = false;
    this.dialog.close();
    this.image.removeAttribute("src");
    if (at >= 0) this.context.grid.focus(at);
  }

  leave() {
    if (this.leaving || !this.id) return;  // going back takes a moment; a second Escape must not go back further
    this.leaving = true;
    if (history.state?.inside && !this.stepped) history.back();
    else this.context.go({ photo: 0 }, { replace: true });
    this.stepped = false;
  }

  step(by) {
    const to = this.context.grid.grid.ids[this.index + by];
    if (to !== undefined && this.index >= 0) this.context.go({ photo: to }, { replace: true });
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.dialog.requestFullscreen?.().catch(() => {});
  }

  // -- the picture

  fit() {  // the frame has the photo's shape, as large as the stage allows
    const { clientWidth: wide, clientHeight: high } = this.stage;
    const ratio = this.photo?.width ? this.photo.width / this.photo.height : this.image.naturalWidth / this.image.naturalHeight || 1.5;
    const width = Math.min(wide, high * ratio);
    this.frame.style.width = `${width}px`;
    this.frame.style.height = `${width / ratio}px`;
    this.move();
    this.drawBoxes();
  }

  reset() { this.zoom = 1; this.x = this.y = 0; this.move(); }

  move() {
    const most = ((this.zoom - 1) / 2) * Math.max(this.frame.clientWidth, 1), down = ((this.zoom - 1) / 2) * Math.max(this.frame.clientHeight, 1);
    this.x = Math.max(-most, Math.min(most, this.x));
    this.y = Math.max(-down, Math.min(down, this.y));
    this.frame.style.transform = this.zoom > 1 ? `translate(${this.x}px,${this.y}px) scale(${this.zoom})` : "";
    this.dialog.classList.toggle("zoomed", this.zoom > 1);
  }

  zoomBy(factor, at) {
    const before = this.zoom;
    this.zoom = Math.max(1, Math.min(MOST_ZOOM, this.zoom * factor));
    if (at) {
      const box = this.stage.getBoundingClientRect(), grown = this.zoom / before;
      const x = at.x - box.left - box.width / 2, y = at.y - box.top - box.height / 2;
      this.x = x - (x - this.x) * grown; this.y = y - (y - this.y) * grown;
    }
    this.move();
  }

  drawBoxes() {
    this.boxes.replaceChildren();
    if (this.drawing) this.boxes.append(this.drawing);
    if (!this.boxesShown || !this.photo) return;
    const draw = (box, kind, text) => {
      const [left, top, right, bottom] = box;
      const element = make(`div.box.${kind}`, {}, make("span", {}, text));
      element.style.cssText = `left:${left * 100}%;top:${top * 100}%;width:${(right - left) * 100}%;height:${(bottom - top) * 100}%`;
      if (top < 0.08) element.classList.add("low");
      this.boxes.append(element);
      return element;
    };
    for (const thing of this.photo.things) if (thing.found && thing.box) draw(thing.box, "thing", `${thing.label} ${thing.score.toFixed(2)}`);
    this.photo.faces.forEach((face, index) => {
      draw(face.box, faceKind(face), faceName(face, index) + (face.smile == null ? "" : ` ${face.smile.toFixed(2)}`)).dataset.face = index;
    });
  }

  // -- the words beside it

  describe() {
    const photo = this.photo, said = photo.everyone_smiling;
    const fact = (name, value) => (value ? [make("dt", {}, name), make("dd", {}, value)] : []);
    const where = photo.latitude == null ? "" : `${photo.latitude.toFixed(5)}, ${photo.longitude.toFixed(5)}`;
    this.panel.replaceChildren(
      make("h2", {}, photo.taken_text, photo.taken_source ? make("small", {}, ` ${photo.taken_source}`) : null),
      photo.missing_since ? make("p.warning", {}, `Its file is gone since ${photo.missing_since}.`) : "",
      ...Object.entries(photo.errors).map(([tagger, error]) => make("p.warning", {}, `Could not be read by ${tagger}: ${error}`)),
      make("section", {},
        make("h3", {}, "Is everyone smiling? ", make(`b.${said == null ? "unknown" : said ? "yes" : "no"}`, {}, said == null ? "cannot tell" : said ? "yes" : "no")),
        make("p", {}, photo.why),
        make("ul.faces", {}, ...photo.faces.map((face, index) => this.faceItem(face, index))), this.denied(photo),
        make("button.write", { type: "button", title: "Draw a face that was not found (d)", onclick: () => this.draw() }, "Draw a face")),
      make("section", {}, make("h3", {}, "Your labels"), this.labels(photo), this.smileWords(photo)),
      make("section", {}, make("h3", {}, "Seen in it"), this.things(photo)),
      this.moment(photo.id),
      make("section", {}, make("h3", {}, "File"),
        make("dl", {}, ...fact("Name", photo.name), ...fact("Folder", photo.folder),
          ...fact("Size", photo.width ? `${photo.width} × ${photo.height} pixels, ${sizeText(photo.size_bytes)}` : sizeText(photo.size_bytes)),
          ...fact("Camera", photo.camera), ...fact("Place", [...photo.places, where].filter(Boolean).join(", ")), ...fact("Things by", photo.detector))));
  }

  moment(id) {  // all shots of the moment side by side, the kept one marked
    const place = make("section", {}, make("button", { type: "button", onclick: async () => {
      try {
        const shots = await get(`/api/moment/${id}`);
        place.replaceChildren(make("h3", {}, shots.length > 1 ? "Shots of this moment" : "No other shot of this moment"), make("ul.shots", {}, ...(shots.length > 1 ? shots : []).map((shot) =>
          make(`li${shot.kept ? ".kept" : ""}`, {}, make("a", { href: "/" + query({ ...this.context.state(), photo: shot.id }), onclick: (event) => { event.preventDefault(); this.context.go({ photo: shot.id }, { replace: true }); } }, make("img", { alt: shot.id === id ? "This photo" : "Another shot", src: `/320/${shot.id}` })),
            make("small", {}, [shot.least_smile == null ? "no smile to tell" : `least smile ${shot.least_smile.toFixed(2)}`, shot.kept && "kept", shot.id === id && "this one"].filter(Boolean).join(", "))))));
      } catch (error) { toast(error.message); }
    } }, "Compare the shots of this moment"));
    return place;
  }

  faceItem(face, index) {
    const words = face.smile == null ? "not looked at yet" : `${face.smiles ? "smiles" : "does not smile"} (${face.smile_word == null ? face.smile.toFixed(2) : "your word"})`;
    const mood = face.smile_word != null ? "" : face.emotion ? `, ${face.emotion}` : face.perhaps ? `, perhaps ${face.perhaps}` : "";
    const numbers = face.value == null ? "" : ` (${face.value.toFixed(2)}, needed ${face.needed.toFixed(2)})`;
    const at = [[this.id, face.number]], name = faceName(face, index);
    const say = (text, label, body, on) => make("button.small", { type: "button", "aria-label": `${name}: ${label}`, title: label, "aria-pressed": on == null ? null : String(on),
      onclick: () => this.correct("/api/faces", { faces: at, ...body }) }, text);
    const guess = face.person && !face.is_person_certain;
    const input = make("input", { type: "text", "aria-label": `Name of ${name}`, placeholder: "Name", value: guess ? "" : face.person ?? "", autocomplete: "off", maxLength: 200 });
    input.setAttribute("list", "persons");
    return make(`li.${faceKind(face)}`, { onmouseenter: () => this.light(index, true), onmouseleave: () => this.light(index, false) },
      make("b", {}, name), ` ${words}${mood}`,
      face.person && face.person_source !== "word" ? make("small", {}, `named by ${{ sidecar: "a sidecar", embedded: "the file", group: "likeness" }[face.person_source]}`) : null,
      face.eligible ? null : make("small", {}, `does not count: ${face.reason}${numbers}`),
      make("form.write", { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) this.correct("/api/faces", { faces: at, person: input.value.trim() }); } }, input, make("button.small", { type: "submit" }, "Name"),
        guess ? say(`It is ${face.person}`, "yes", { person: face.person }) : null, guess ? say("It is not", "no", { not_persons: [face.person] }) : null,
        say("☺", "smiles", { smiling: true }, face.smile_word === true), say("😐", "does not smile", { smiling: false }, face.smile_word === false),
        say("No face", "is not a face", { is_face: false }),
        face.has_words || face.is_added ? make("button.small", { type: "button", title: "Take your words about this face back", onclick: () => this.correct("/api/faces/untag", { faces: at }) }, "Take back") : null));
  }

  denied(photo) {
    if (!photo.denied_faces.length) return "";
    return make("p.row", {}, make("small", {}, "You say that this is no face:"), ...photo.denied_faces.map((face) => this.button(`${face.number}: it is one`, `Face ${face.number} is one`, () => this.correct("/api/faces/untag", { faces: [[this.id, face.number]] }))));
  }

  // A face that no net found: drawn with a mouse or finger, or placed by arrow keys, Shift for its size, Enter.
  draw() {
    if (document.body.matches(".read-only")) return;
    if (this.drawing) return this.stopDrawing();
    const box = make("div.box.drawn", { tabIndex: 0, role: "application", ariaLabel: "The face: arrow keys move it, Shift and arrow keys change its size, Enter keeps it, Escape does not" }, make("span", {}, "Draw around the face, or move this and press Enter"));
    this.reset();
    this.drawing = box;
    this.dialog.classList.add("drawing");
    let edges = [0.4, 0.3, 0.6, 0.6], from = null;
    const place = () => { box.style.cssText = `left:${edges[0] * 100}%;top:${edges[1] * 100}%;width:${(edges[2] - edges[0]) * 100}%;height:${(edges[3] - edges[1]) * 100}%`; };
    const keep = async () => {
      const [left, top, right, bottom] = edges.map((edge) => Math.min(1, Math.max(0, edge)));
      this.stopDrawing();
      if (right - left > 0.005 && bottom - top > 0.005) await this.correct("/api/face", { id: this.id, box: [left, top, right, bottom] });
    };
    box.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] }[event.key];
      if (way) { edges = event.shiftKey ? [edges[0], edges[1], Math.max(edges[0] + 0.01, edges[2] + way[0]), Math.max(edges[1] + 0.01, edges[3] + way[1])] : [edges[0] + way[0], edges[1] + way[1], edges[2] + way[0], edges[3] + way[1]]; place(); }
      else if (event.key === "Enter") keep();
      else if (event.key === "Escape") this.stopDrawing();
      else return;
      event.preventDefault(); event.stopPropagation();
    });
    const at = (event) => { const { left, top, width, height } = this.frame.getBoundingClientRect(); return [(event.clientX - left) / width, (event.clientY - top) / height]; };
    this.frame.onpointerdown = (event) => { event.stopPropagation(); this.frame.setPointerCapture(event.pointerId); from = at(event); };
    this.frame.onpointermove = (event) => {
      if (!from) return;
      const to = at(event);
      edges = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
      place();
    };
    this.frame.onpointerup = () => { if (from && edges[2] - edges[0] > 0.01) keep(); from = null; };
    place();
    this.boxes.append(box);
    box.focus();
  }

  stopDrawing() {
    this.drawing?.remove();
    this.drawing = null;
    this.dialog.classList.remove("drawing");
    this.frame.onpointerdown = this.frame.onpointermove = this.frame.onpointerup = null;
    this.keepFocus();
  }

  light(index, on) { this.boxes.querySelector(`[data-face="${index}"]`)?.classList.toggle("lit", on); }

  things(photo) {
    const seen = photo.things.filter((thing) => thing.found), unsure = photo.things.filter((thing) => !thing.found);
    const names = [...new Set([...seen, ...photo.kinds].map((thing) => thing.label))];
    return make("div", {},
      make("ul.chips", {}, ...names.map((label) => make("li", {}, make("a", { href: `/?q=${encodeURIComponent(quoted(label))}` }, label),
        this.button("×", `There is no ${label} in it`, () => this.correct("/api/labels", { ids: [this.id], remove: [label] }))))),
      names.length ? null : make("p", {}, "Nothing that is known well enough."),
      unsure.length ? make("p", {}, make("small", {}, "Too unsure to be found: " + unsure.map((thing) => `${thing.label} ${thing.score.toFixed(2)}`).join(", "))) : null);
  }

  labels(photo) {
    const input = make("input", { type: "text", "aria-label": "Add a label", placeholder: "Add a label", autocomplete: "off", maxLength: 200 });
    return make("div", {},
      make("ul.chips", {}, ...photo.labels.map((label) => make("li", {}, make("a", { href: `/?q=${encodeURIComponent(quoted(label))}` }, label),
        this.button("×", `Take the label ${label} away`, () => this.correct("/api/labels", { ids: [this.id], remove: [label] }))))),
      make("form.write", { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) this.correct("/api/labels", { ids: [this.id], add: [input.value.trim()] }); } },
        input, make("button", { type: "submit" }, "Add")));
  }

  smileWords(photo) {
    const says = photo.smile_words["everyone smiling"];
    const press = (text, add, remove, on) => make("button.write", { type: "button", "aria-pressed": String(on), onclick: () => this.correct("/api/labels", { ids: [this.id], add, remove }) }, text);
    return make("p.row", {}, press("Everyone smiles", ["everyone smiling"], [], says === true), press("Not everyone smiles", [], ["everyone smiling"], says === false));
  }

  button(text, label, act) { return make("button.small.write", { type: "button", "aria-label": label, title: label, onclick: act }, text); }

  async correct(path, words) {
    const top = this.panel.scrollTop;
    try {
      const done = await post(path, words);
      this.context.told(done, [this.id]);
      if (words.person) this.context.learnPersons();
      await this.load();
      this.panel.scrollTop = top;
    } catch (error) { toast(error.message); }
  }

  // -- keys, wheel, fingers

  listen() {
    const { dialog, stage } = this;
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); this.leave(); });
    document.addEventListener("keydown", (event) => {
      if (dialog.open && event.key === "Escape" && event.target.tagName === "INPUT") {  // out of the field first
        event.preventDefault();
        return dialog.focus({ preventScroll: true });
      }
      if (!dialog.open || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
      const act = {
        ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), PageUp: () => this.step(-1), PageDown: () => this.step(1),
        Home: () => this.step(-this.index), End: () => this.step(this.context.grid.grid.photos - 1 - this.index),
        "+": () => this.zoomBy(1.5), "=": () => this.zoomBy(1.5), "-": () => this.zoomBy(1 / 1.5), 0: () => this.reset(),
        f: () => this.fullScreen(), b: () => this.b.click(), i: () => this.i.click(),
        l: () => this.panel.querySelector("input[aria-label='Add a label']")?.focus(), d: () => this.draw(), u: () => this.context.undo(),
      }[event.key] ?? (/^[1-9]$/.test(event.key) && (() => this.panel.querySelectorAll(".faces input")[event.key - 1]?.focus()));
      if (act) { event.preventDefault(); act(); }
    });
    stage.addEventListener("wheel", (event) => { event.preventDefault(); this.zoomBy(Math.exp(-event.deltaY / 400), { x: event.clientX, y: event.clientY }); }, { passive: false });
    stage.addEventListener("dblclick", (event) => (this.zoom > 1 ? this.reset() : this.zoomBy(2.5, { x: event.clientX, y: event.clientY })));
    const down = new Map();
    let spread = 0, began = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button || this.drawing) return;
      stage.setPointerCapture(event.pointerId);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      began = down.size === 1 ? { x: event.clientX, y: event.clientY, touch: event.pointerType !== "mouse" } : null;
      spread = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      const now = { x: event.clientX, y: event.clientY };
      down.set(event.pointerId, now);
      if (down.size === 2) {
        const [a, b] = [...down.values()], wide = Math.hypot(a.x - b.x, a.y - b.y);
        if (spread) this.zoomBy(wide / spread, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        spread = wide;
      } else if (this.zoom > 1) { this.x += now.x - last.x; this.y += now.y - last.y; this.move(); }
    });
    const up = (event) => {
      if (!down.delete(event.pointerId) || !began || this.zoom > 1 || event.type === "pointercancel") return;
      const across = event.clientX - began.x, along = event.clientY - began.y;
      if (began.touch && Math.abs(across) > 50 && Math.abs(across) > 2 * Math.abs(along)) this.step(across < 0 ? 1 : -1);
      else if (began.touch && along > 90 && along > 2 * Math.abs(across)) this.leave();
    };
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
    new ResizeObserver(() => { if (dialog.open) this.fit(); }).observe(stage);
    this.image.addEventListener("load", () => { if (!this.photo) this.fit(); });
    find("#viewer").addEventListener("close", () => { if (this.id) this.leave(); });
  }
}

const faceKind = (face) => (!face.eligible || face.smile == null ? "aside" : face.smiles ? "smiles" : "sober");
export const faceName = (face, index) => (face.person ? face.person + (face.is_person_certain ? "" : "?") : `Face ${face.number || index + 1}`);
export const quoted = (text) => (/[\s:^()"]|^(or|untagged|failed|missing)$/i.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
