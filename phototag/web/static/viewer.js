// One photo in full: zoomed, paged through, with what was seen in it drawn over it.

import { button, get, getBytes, make, number, post, toast } from "/static/api.js";
import { drawFace, place } from "/static/edit.js";
import { describe } from "/static/panel.js";

const MOST_ZOOM = 8, SWIPE = 50, PULL = 90;  // SWIPE to the side and PULL down: pixels a finger goes

export class Viewer {
  constructor(dialog, context) {
    Object.assign(this, { dialog, context, id: 0, zoom: 1, x: 0, y: 0 });
    this.image = make("img", { alt: "", draggable: false });
    this.heat = make("img.heat", { alt: "", draggable: false, hidden: true });
    this.boxes = make("div.boxes");
    this.frame = make("div.frame", this.image, this.heat, this.boxes);
    this.stage = make("div.stage", this.frame);
    this.panel = make("div.panel", { tabIndex: 0, role: "region", "aria-label": "About this photo" });
    this.counter = make("span.counter");
    const sign = (name, text, label, act) =>
      make(`button.round.${name}`, { type: "button", "aria-label": label, title: label, onclick: act }, text);
    const toggle = (text, key, act, on = true) =>
      button(text, act, { title: `${text} (${key})`, "aria-pressed": on });
    this.previous = sign("previous", "‹", "Previous photo (left arrow)", () => this.step(-1));
    this.next = sign("next", "›", "Next photo (right arrow)", () => this.step(1));
    this.boxesButton = toggle("Boxes", "b", () => { press(this.boxesButton); this.drawBoxes(); });
    this.heatButton = toggle("Heat", "h", () => this.showHeat(this.heatOf ? "" : this.photo?.heat[0]), false);
    this.aboutButton = toggle("About", "i", () => dialog.classList.toggle("bare", !press(this.aboutButton)));
    dialog.append(
      make("div.picture", this.stage, this.previous, this.next,
        make("div.bar", this.counter, this.boxesButton, this.heatButton, this.aboutButton,
          button("Full screen", () => this.fullScreen(), { className: "wide", title: "Full screen (f)" }),
          sign("close", "×", "Close (Escape)", () => this.leave()))),
      this.panel);
    dialog.tabIndex = -1;
    dialog.autofocus = true;
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); this.leave(); });
    dialog.addEventListener("close", () => this.leave());
    document.addEventListener("keydown", (event) => { if (dialog.open) this.pressed(event); });
    this.stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
    }, { passive: false });
    this.stage.addEventListener("dblclick", (event) =>
      this.zoom > 1 ? this.reset() : this.zoomBy(2.5, event.clientX, event.clientY));
    this.listenToFingers();
    new ResizeObserver(() => { if (dialog.open) this.fit(); }).observe(this.stage);
    this.image.addEventListener("load", () => { if (!this.photo) this.fit(); });
  }

  get index() { return this.context.grid.indexOf(this.id); }

  async open(id) {
    if (!this.dialog.open) this.dialog.showModal();
    this.leaving = false;
    if (id === this.id) return;
    this.endDrawing?.();
    this.id = id;
    this.photo = null;
    this.reset();
    this.boxes.replaceChildren();
    this.showHeat("");
    this.image.hidden = false;
    this.image.src = `/320/${id}`;  // at once, from the grid; the large one takes its place
    const large = new Image();
    large.onload = () => { if (this.id === id) this.image.src = large.src; };
    large.onerror = () => {
      if (this.id !== id) return;
      this.image.hidden = true;
      toast("This photo cannot be shown: its file is gone or damaged.");
    };
    large.src = `/1600/${id}`;
    const { ids } = this.context.grid.grid, at = this.index;
    this.counter.textContent = at < 0 ? "" : `${number(at + 1)} of ${number(ids.length)}`;
    this.previous.hidden = at <= 0;
    this.next.hidden = at < 0 || at >= ids.length - 1;
    for (const near of [ids[at + 1], ids[at - 1]]) if (near) new Image().src = `/1600/${near}`;
    await this.load();
  }

  async load() {
    const { id } = this, top = this.photo ? this.panel.scrollTop : 0;
    let photo;
    try {
      photo = await get(`/api/photo/${id}`);
    } catch (error) { return this.panel.replaceChildren(make("p", error.message)); }
    if (this.id !== id) return;
    this.photo = photo;
    const told = [`Photo of ${photo.taken_text}`, photo.taken_source, ...photo.labels.map((each) => each.label)];
    this.image.alt = told.filter(Boolean).join(", ");
    this.heatButton.disabled = !photo.heat.length;
    this.panel.replaceChildren(...describe(this, photo));
    this.panel.scrollTop = top;
    this.fit();
    this.keepFocus();
  }

  keepFocus() {  // a button that has just gone takes the focus, and with it the keys, out of the dialog
    const has = document.activeElement;
    if (has?.hidden || has?.disabled || !this.dialog.contains(has)) this.dialog.focus({ preventScroll: true });
  }

  close() {
    if (!this.id) return;
    const at = this.index;
    this.id = 0;
    this.leaving = false;
    this.endDrawing?.();
    this.dialog.close();
    this.image.removeAttribute("src");
    this.showHeat("");
    if (at >= 0) this.context.grid.focus(at);
  }

  leave() {
    if (this.leaving || !this.id) return;  // going back takes a moment; a second Escape goes back no further
    this.leaving = true;
    if (history.state?.inside) history.back();
    else this.context.go({ photo: 0 }, { replace: true });
  }

  step(by) {
    const to = this.context.grid.grid.ids[this.index + by];
    if (to && this.index >= 0) this.context.go({ photo: to }, { replace: true });
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.dialog.requestFullscreen?.();
  }

  async correct(path, words) {
    this.context.told(await post(path, words), [this.id]);
    await this.load();
  }

  drawFace() {
    if (document.body.matches(".read-only")) return;
    if (this.endDrawing) return this.endDrawing();
    this.reset();
    this.dialog.classList.add("drawing");
    this.endDrawing = drawFace(this.frame, (box) => {
      this.endDrawing = null;
      this.dialog.classList.remove("drawing");
      this.keepFocus();
      if (box) this.correct("/api/face", { id: this.id, box });
    });
  }

  // -- the picture

  fit() {  // the frame has the photo's shape, as large as the stage allows
    const { clientWidth: wide, clientHeight: high } = this.stage, { width, height } = this.photo ?? {};
    const ratio = width ? width / height : this.image.naturalWidth / this.image.naturalHeight || 1.5;
    const across = Math.min(wide, high * ratio);
    this.frame.style.width = `${across}px`;
    this.frame.style.height = `${across / ratio}px`;
    this.move(this.x, this.y);
    this.drawBoxes();
  }

  reset() {
    this.zoom = 1;
    this.move(0, 0);
  }

  move(x, y) {  // as far as there is picture
    const within = (value, side) => Math.max(-side, Math.min(side, value));
    this.x = within(x, ((this.zoom - 1) / 2) * this.frame.clientWidth);
    this.y = within(y, ((this.zoom - 1) / 2) * this.frame.clientHeight);
    this.frame.style.transform = this.zoom > 1 ? `translate(${this.x}px,${this.y}px) scale(${this.zoom})` : "";
    this.dialog.classList.toggle("zoomed", this.zoom > 1);
  }

  zoomBy(factor, atX, atY) {  // what lies at this point of the window stays there
    const before = this.zoom, box = this.stage.getBoundingClientRect();
    this.zoom = Math.max(1, Math.min(MOST_ZOOM, before * factor));
    const grown = this.zoom / before;
    const x = atX == null ? 0 : atX - box.left - box.width / 2;
    const y = atY == null ? 0 : atY - box.top - box.height / 2;
    this.move(x - (x - this.x) * grown, y - (y - this.y) * grown);
  }

  drawBoxes() {
    const on = this.photo && this.boxesButton.getAttribute("aria-pressed") === "true";
    this.boxes.replaceChildren(...(on ? this.photo.boxes : []).map(({ box, kind, text }) => {
      const element = make(`div.box.${kind}`, make("span", text));
      element.classList.toggle("low", box[1] < 0.08);
      place(element, box);
      return element;
    }));
  }

  light(index, on) { this.boxes.children[index]?.classList.toggle("lit", on); }

  // What speaks for a smile or a thing. The server takes seconds for it: a net is asked once more.
  async showHeat(of) {
    this.asking?.abort();
    this.heatOf = of || "";
    this.heat.hidden = true;
    this.heatButton.setAttribute("aria-pressed", Boolean(of));
    const told = this.panel.querySelector(".legend"), say = (...parts) => told?.replaceChildren(...parts);
    for (const each of told?.parentNode.querySelectorAll("button") ?? []) {
      each.setAttribute("aria-pressed", each.textContent === of);
    }
    say();
    if (!of) return;
    say("Asking the net, which takes some seconds …");
    const url = `/api/photo/${this.id}/heatmap?${new URLSearchParams({ of })}`;
    this.asking = new AbortController();
    try {
      await getBytes(url, {}, this.asking.signal);
    } catch (error) {
      if (error.name !== "AbortError") say(error.message);
      return;
    }
    this.heat.src = url;
    this.heat.hidden = false;
    const what = `What speaks for ${of === "smile" ? "a smile" : of}:`;
    say(make("span", what), make("span", "little"), make("i.ramp"), make("span", "much"));
  }

  // -- keys and fingers

  pressed(event) {
    const writing = /INPUT|SELECT|TEXTAREA/.test(event.target.tagName);
    if (writing && event.key === "Escape") {  // out of the field first
      event.preventDefault();
      return this.dialog.focus({ preventScroll: true });
    }
    if (writing || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const names = this.panel.querySelectorAll(".faces input"), last = this.context.grid.grid.ids.length - 1;
    const act = {
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      PageUp: () => this.step(-1), PageDown: () => this.step(1),
      Home: () => this.step(-this.index), End: () => this.step(last - this.index),
      "+": () => this.zoomBy(1.5), "=": () => this.zoomBy(1.5), "-": () => this.zoomBy(1 / 1.5),
      0: () => this.reset(),
      f: () => this.fullScreen(), b: () => this.boxesButton.click(), h: () => this.heatButton.click(),
      i: () => this.aboutButton.click(), l: () => this.panel.querySelector(".own input")?.focus(),
      d: () => this.drawFace(), u: () => this.context.undo(),
    }[event.key] ?? (names[event.key - 1] && (() => names[event.key - 1].focus()));
    if (!act) return;
    event.preventDefault();
    act();
  }

  listenToFingers() {  // two spread the picture, one moves it or, where it is whole, goes to the next
    const { stage } = this, down = new Map();
    let spread = 0, began = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button || this.endDrawing) return;
      stage.setPointerCapture(event.pointerId);
      down.set(event.pointerId, event);
      began = down.size === 1 && event.pointerType !== "mouse" ? event : null;
      spread = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      down.set(event.pointerId, event);
      const [a, b] = down.values();
      if (b) {
        const wide = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (spread) this.zoomBy(wide / spread, (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2);
        spread = wide;
      } else if (this.zoom > 1) {
        this.move(this.x + event.clientX - last.clientX, this.y + event.clientY - last.clientY);
      }
    });
    const up = (event) => {
      if (!down.delete(event.pointerId)) return;
      spread = 0;
      if (!began || this.zoom > 1 || event.type === "pointercancel") return;
      const across = event.clientX - began.clientX, along = event.clientY - began.clientY;
      if (Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(along)) this.step(across < 0 ? 1 : -1);
      else if (along > PULL && along > 2 * Math.abs(across)) this.leave();
    };
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
  }
}

function press(button) {  // whether it is down now
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", on);
  return on;
}
