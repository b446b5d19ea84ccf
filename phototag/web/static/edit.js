// What is done with the photos that were chosen in the grid.

import { make, photos, post, toast } from "/static/api.js";

export class Selection {
  constructor(bar, context) {
    Object.assign(this, { bar, context });
    this.count = make("span", { role: "status" });
    this.input = make("input", { type: "text", placeholder: "Label", "aria-label": "Label", autocomplete: "off", maxLength: 200 });
    const form = make("form.write", { onsubmit: (event) => { event.preventDefault(); this.label("add"); } }, this.input,
      make("button", { type: "submit" }, "Add label"), make("button", { type: "button", onclick: () => this.label("remove") }, "Take away"));
    bar.append(this.count, form, make("button", { type: "button", onclick: () => context.grid.deselect() }, "Cancel"));
  }

  show(selected) {
    this.bar.hidden = !selected.size;
    this.count.textContent = `${photos(selected.size)} chosen`;
  }

  async label(kind) {
    const word = this.input.value.trim(), ids = [...this.context.grid.selected];
    if (!word) return this.input.focus();
    try {
      const done = await post("/api/labels", { ids, [kind]: [word] });
      this.input.value = "";
      this.context.grid.deselect();
      this.context.changed(ids);
      if (this.context.told) this.context.told(done);
      else toast(kind === "add" ? `${photos(ids.length)} labelled ${word}.` : `${word} taken from ${photos(ids.length)}.`);
    } catch (error) { toast(error.message); }
  }
}
