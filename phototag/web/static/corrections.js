// What a person says of photos, faces and groups. Whoever shows these asks again at the event "corrected".

import { build, find, get, on, post, toast } from "./api.js";
import * as grid from "./grid.js";

let lastChange = null;
const tell = () => dispatchEvent(new Event("corrected"));

export async function correct(path, words) {
  const { change, summary } = await post(path, words);
  lastChange = change ?? lastChange;
  if (summary) toast(summary, "Undo", undo);
  tell();
}

export async function undo() {
  if (!lastChange) return toast("There is nothing to undo here; phototag undo goes back further.");
  const change = lastChange;
  lastChange = null;
  toast(`Undone: ${(await post("/api/undo", { change })).summary}`);
  tell();
}

// The server offers what can be said: phototag/web/elements.py.
on(document, "click", async ({ target }) => {
  const { offer, loads, parentNode } = target.closest("button") ?? {};
  if (offer && (!offer.question || confirm(offer.question))) return correct(offer.path, offer.sends);
  if (loads) parentNode.replaceChildren(...build(await get(loads)));
});
on(document, "submit", async (event) => {
  event.preventDefault();
  const [field] = event.target, { path, sends, word } = event.target.offer ?? {}, typed = field.value.trim();
  if (!path) return;
  if (!typed) return field.focus();
  await correct(path, { ...sends, [word]: word === "add" ? [typed] : typed });
});

// -- the photos that are chosen in the grid: labelled, named or forgotten at once

const bar = find("#selection"), form = find("form", bar), { word } = form.elements;

on(window, "selected", () => {
  bar.hidden = !grid.selected.size;
  find("output", bar).textContent = `${grid.selected.size} chosen`;
});

function leave() {  // back to the photo where one was
  grid.deselect();
  grid.focus(grid.focused);
}
on(find("#cancel"), "click", leave);
on(bar, "keydown", (event) => { if (event.key === "Escape") leave(); });

on(form, "submit", async (event) => {
  event.preventDefault();
  const ids = [...grid.selected], said = word.value.trim(), what = event.submitter.value;
  if (what === "forget") return forget(ids);
  if (!said) return word.focus();
  if (what === "name") await correct("/api/name", { ids, person: said });
  else await correct("/api/labels", { ids, [what]: [said] });
  word.value = "";
  leave();
});

async function forget(ids) {
  const { question } = await post("/api/forget", { ids, dry_run: true });
  if (!confirm(question)) return;
  await post("/api/forget", { ids, dry_run: false });
  dispatchEvent(new Event("stale"));
}
