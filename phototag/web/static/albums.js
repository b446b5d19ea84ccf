// Albums: those there are, and a new one of any question, chosen while one types, with every reason.

import { button, entry, get, link, make, photos, post, query, thumbnail, toast, writeButton } from "/static/api.js";

const TYPING_MS = 400, FILM_MS = 1500;

export async function show(page, context) {
  document.title = "Albums – phototag";
  const list = make("ul.albums");
  const canWrite = !context.start().read_only;
  page.replaceChildren(make("h1", "Albums"), list, canWrite ? maker(context, () => fill(list)) : "");
  await fill(list, canWrite);
}

async function fill(list, canWrite = true) {
  const albums = await get("/api/albums");
  list.replaceChildren(...albums.map((album) => card(album, () => fill(list))));
  if (!albums.length) list.append(make("li.none", `There is no album yet.${canWrite ? " Make one below." : ""}`));
}

function card({ name, cover, about, film }, changed) {
  const place = make("div.row");
  const watch = () => {
    const src = "/film" + query({ album: name });
    place.replaceChildren(make("video", { controls: true, autoplay: true, src }));
  };
  const forget = async () => {
    if (!confirm(`Forget the album ${name}? Photos and what was made of it on the disk stay.`)) return;
    await post("/api/album/delete", { name });
    await changed();
  };
  const follow = async () => {
    const { error, ready, done } = await get("/api/film", { name });
    if (ready) return watch();
    if (error) { offer(); return toast(error); }
    const bar = make("progress", { value: done ?? 0, max: 1, "aria-label": "Film" });
    place.replaceChildren(bar, "Making the film …");
    setTimeout(() => place.isConnected && follow(), FILM_MS);
  };
  const makeFilm = async () => { await post("/api/film/make", { name }); await follow(); };
  const offer = () => place.replaceChildren(
    film ? button("Watch the film", watch) : writeButton("Make a film", makeFilm), writeButton("Forget", forget));
  offer();
  const title = link({ album: name }, cover && thumbnail(cover), make("b", name));
  return make("li", title, make("small", about), place);
}

function maker(context, changed) {
  const theme = make("select", { "aria-label": "Theme" },
    context.start().themes.map((name) => make("option", { value: name, selected: name === "smiles" }, name)));
  const { q: value } = context.state();
  const q = entry("of which photos, such as taken:2016", { type: "search", value, spellcheck: false });
  const top = entry("at most", { type: "number", min: 1, max: 1000, "aria-label": "At most so many photos" });
  const name = entry("Name of the album");
  const keep = make("button", { type: "submit", disabled: true }, "Keep this album");
  const told = make("p", { role: "status" }), chosen = make("ol.preview");
  const left = make("details", { hidden: true });
  const asked = () => ({ theme: theme.value, q: q.value.trim(), top: Number(top.value) || null });
  let timer, choosing, named = false;

  const shot = ({ id, sentence }) => make("li", link({ photo: id }, thumbnail(id)), make("small", sentence));
  const draw = (found) => {
    told.textContent = found.told;
    keep.disabled = !found.enough;
    if (!named) name.value = found.name;
    chosen.replaceChildren(...found.kept.map(shot));
    left.hidden = !found.counts.length;
    left.replaceChildren(make("summary", `${photos(found.considered - found.kept.length)} left out`),
      make("ul", found.counts.map((each) => make("li", `${each.photos}: ${each.sentence}`))),
      make("ol.preview", found.left_out.map(shot)));
  };
  const preview = async () => {
    choosing?.abort();
    choosing = new AbortController();
    const { signal } = choosing;
    told.textContent = "Choosing …";
    const found = await post("/api/album/preview", asked(), signal).catch((error) =>
      ({ told: error.message, name: "", kept: [], counts: [], left_out: [] }));
    if (!signal.aborted) draw(found);
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(preview, TYPING_MS); };
  for (const field of [theme, q, top]) field.addEventListener("input", later);
  name.addEventListener("input", () => { named = name.value !== ""; });
  const save = async (event) => {
    event.preventDefault();
    clearTimeout(timer);
    choosing?.abort();
    const sent = post("/api/album/save", { ...asked(), name: name.value });
    told.textContent = "Making the album …";
    keep.disabled = true;
    const done = await sent.finally(() => { preview(); });
    const look = () => context.go({ view: "", q: "", album: done.name });
    toast(`Kept: ${done.name}, ${photos(done.photos)}.`, "Show it", look);
    await changed();
  };
  preview();
  return make("form.maker", { onsubmit: save }, make("h2", "Make an album of a question"),
    make("div.row", theme, q, top), told, chosen, left, make("div.row", name, keep));
}
