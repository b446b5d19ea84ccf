// Albums: those there are, and a new one of any question, chosen while one types, with every reason.

import { build, find, get, go, on, onlyLatest, post, state, toast, whenQuiet } from "./api.js";

const TYPING_MS = 400, FILM_MS = 1500;
const page = find("#page"), latest = onlyLatest();
let form, suggested;

export async function show() {
  document.title = "Albums – phototag";
  page.replaceChildren(...build(await get("/api/albums/page")));
  form = find(".maker");
  suggested = "";
  if (!form) return;
  form.elements.q.value = state().q;
  await preview();
}

async function showList() {
  const list = build(await get("/api/albums/page")).find((each) => each.matches(".albums"));
  find(".albums")?.replaceWith(list);
}
on(window, "corrected", () => { if (find(".albums")) return showList(); });

const tell = (text) => { find("[role=status]", form).textContent = text; };
const asked = () => Object.fromEntries(new FormData(form));

async function preview() {
  const signal = latest(), { keep, name } = form.elements;
  tell("Choosing …");
  const found = await post("/api/album/preview", asked(), signal)
    .catch((error) => ({ told: error.message, name: "", shown: [] }));
  if (signal.aborted) return;
  tell(found.told);
  keep.disabled = !found.enough;
  if (name.value === suggested) name.value = suggested = found.name;
  find(".chosen").replaceChildren(...build(found.shown));
}

const previewLater = whenQuiet(preview, TYPING_MS);
on(page, "input", ({ target }) => {
  if (target.form === form && target.name !== "name") previewLater();
});

on(page, "submit", async ({ target }) => {
  if (target !== form) return;
  previewLater.cancel();
  latest();
  const sent = post("/api/album/save", asked());
  tell("Making the album …");
  form.elements.keep.disabled = true;
  const { name, told } = await sent.finally(() => { preview(); });
  toast(told, "Show it", () => go({ view: "", q: "", album: name }));
  await showList();
});

// -- films

on(page, "click", ({ target }) => {
  const { value: name, parentNode } = target;
  if (target.matches(".watch")) return follow(parentNode, name, get("/api/film", { name }));
  if (target.matches(".film")) return follow(parentNode, name, post("/api/film/make", { name }));
});

async function follow(place, name, asked) {
  const { error, ready, shown } = await asked;
  if (error) { toast(error); return showList(); }
  place.replaceChildren(...build(shown));
  const again = () => place.isConnected && follow(place, name, get("/api/film", { name }));
  if (!ready) setTimeout(again, FILM_MS);
}
