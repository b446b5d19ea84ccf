// What is done with the photos that were chosen in the grid.

import { make, photos, post, toast } from "/static/api.js";

export class Selection {
  constructor(bar, context) {
    Object.assign(this, { bar, context });
    this.count = make("span", { role: "status" });
    this.input = make("input", { type: "text", placeholder: "Label or name", "aria-label": "Label or name", autocomplete: "off", maxLength: 200 });
    this.input.setAttribute("list", "persons");
    const button = (text, title, act) => make("button", { type: "button", title, onclick: act }, text);
    const form = make("form.write", { onsubmit: (event) => { event.preventDefault(); this.say("/api/labels", (word) => ({ add: [word] })); } }, this.input,
      make("button", { type: "submit", title: "Add this label to all of them" }, "Label"),
      button("Take away", "Take this label from all of them", () => this.say("/api/labels", (word) => ({ remove: [word] }))),
      button("Name", "Whose face it is, in photos of one face", () => this.say("/api/name", (word) => ({ person: word }))),
      button("Forget", "Remove from the catalog what it knows of them", () => this.forget()));
    bar.append(this.count, form, button("Cancel (Escape)", "Choose none", () => this.leave()));
    bar.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); this.leave(); } });
  }

  leave() {  // back to the photo where one was
    this.context.grid.deselect();
    this.context.grid.focus(this.context.grid.focused);
  }

  show(selected) {
    this.bar.hidden = !selected.size;
    this.count.textContent = `${photos(selected.size)} chosen`;
  }

  async say(path, body) {
    const word = this.input.value.trim(), ids = [...this.context.grid.selected];
    if (!word) return this.input.focus();
    try {
      const done = await post(path, { ids, ...body(word) });
      this.input.value = "";
      this.leave();
      this.context.told(done, ids);
      if (path === "/api/name") this.context.learnPersons();
    } catch (error) { toast(error.message); }
  }

  async forget() {
    const ids = [...this.context.grid.selected];
    try {
      const counted = await post("/api/forget", { ids, dry_run: true });
      const lost = counted.with_words ? ` What you said of ${photos(counted.with_words)} is lost for good.` : "";
      if (!confirm(`Forget what is known of ${photos(counted.photos)}? The files stay; the next scan looks at them again.${lost}`)) return;
      await post("/api/forget", { ids, dry_run: false });
      await this.context.reload();
    } catch (error) { toast(error.message); }
  }
}
