// Albums: those there are, and a new one of any question, chosen while one types, with every reason.

import { get, make, photos, post, query, toast } from "/static/api.js";

const TYPING_MS = 400, FILM_MS = 1500;
let page, context;

export async function show(place, with_) {
  page = place; context = with_;
  document.title = "Albums – phototag";
  const list = make("ul.albums");
  page.replaceChildren(make("h1", {}, "Albums"), list, context.start().read_only ? "" : maker(list));
  await fill(list);
}

async function fill(list) {
  const albums = await get("/api/albums");
  list.replaceChildren(...albums.map((album) => card(album, list)));
  if (!albums.length) list.append(make("li.none", {}, "There is no album yet." + (context.start().read_only ? "" : " Make one below.")));
}

function card(album, list) {
  const film = make("div.row");
  const item = make("li", {},
    make("a", { href: "/" + query({ album: album.name }) }, album.cover ? make("img", { alt: "", loading: "lazy", src: `/320/${album.cover}` }) : null, make("b", {}, album.name)),
    make("small", {}, `${photos(album.photos)}, theme ${album.theme}${album.query ? `: ${album.query}` : ""}`), film);
  const remove = make("button.write", { type: "button", onclick: async () => {
    if (!confirm(`Forget the album ${album.name}? Photos and what was made of it on the disk stay.`)) return;
    try { await post("/api/album/delete", { name: album.name }); await fill(list); } catch (error) { toast(error.message); }
  } }, "Forget");
  const watch = (name) => {
    const video = make("video", { controls: true, autoplay: true, src: "/film" + query({ album: name }) });
    film.replaceChildren(video);
  };
  const follow = async () => {
    const state = await get("/api/film", { name: album.name });
    if (state.error) { film.replaceChildren(remove); toast(state.error); }
    else if (state.ready) watch(album.name);
    else { film.replaceChildren(make("progress", { value: state.done ?? 0, max: 1, "aria-label": "Film" }), "Making the film ..."); setTimeout(() => item.isConnected && follow(), FILM_MS); }
  };
  if (album.film) film.append(make("button", { type: "button", onclick: () => watch(album.name) }, "Watch the film"));
  else film.append(make("button.write", { type: "button", onclick: async () => { try { await post("/api/film/make", { name: album.name }); await follow(); } catch (error) { toast(error.message); } } }, "Make a film"));
  film.append(remove);
  return item;
}

function maker(list) {
  const now = context.state();
  const theme = make("select", { "aria-label": "Theme" }, ...context.start().themes.map((name) => make("option", { value: name, selected: name === "smiles" }, name)));
  const q = make("input", { type: "search", "aria-label": "Of which photos", placeholder: "of which photos: taken:2016", value: now.q, autocomplete: "off", spellcheck: false });
  const top = make("input", { type: "number", min: 1, max: 1000, "aria-label": "At most so many photos", placeholder: "at most" });
  const name = make("input", { type: "text", "aria-label": "Name of the album", placeholder: "Name", maxLength: 200, autocomplete: "off" });
  const keep = make("button", { type: "submit", disabled: true }, "Keep this album");
  const told = make("p", { role: "status" }), chosen = make("ol.preview"), left = make("details", { hidden: true });
  const asked = () => ({ theme: theme.value, q: q.value.trim(), top: top.value ? Number(top.value) : null });
  let timer, latest = 0, named = false;
  const preview = async () => {
    const number = ++latest;
    told.textContent = "Choosing ...";
    try {
      const found = await post("/api/album/preview", asked());
      if (number !== latest) return;
      draw(found);
      if (!named) name.value = found.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
      keep.disabled = found.kept.length < Math.min(found.least, asked().top ?? found.least);
      told.textContent = `${found.title}: ${photos(found.kept.length)} chosen from ${found.considered.toLocaleString("en")}` + (keep.disabled ? `; an album of this theme wants at least ${found.least}.` : ".");
    } catch (error) {
      if (number !== latest) return;
      told.textContent = error.message;
      chosen.replaceChildren(); left.replaceChildren();
      keep.disabled = true;
    }
  };
  const shot = (each) => make("li", {}, make("a", { href: "/" + query({ photo: each.id }) }, make("img", { alt: "", src: `/320/${each.id}`, loading: "lazy" })), make("small", {}, each.sentence));
  const draw = (found) => {
    chosen.replaceChildren(...found.kept.map(shot));
    const number = found.considered - found.kept.length;
    left.hidden = !number;
    left.replaceChildren(make("summary", {}, `${photos(number)} left out`), make("ul", {}, ...found.counts.map((each) => make("li", {}, `${each.photos}: ${each.sentence}`))), make("ol.preview", {}, ...found.left_out.map(shot)));
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(preview, TYPING_MS); };
  for (const field of [theme, q, top]) field.addEventListener("input", later);
  name.addEventListener("input", () => { named = name.value !== ""; });
  preview();
  return make("form.maker", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      const done = await post("/api/album/save", { ...asked(), name: name.value });
      toast(`Kept: ${done.name}, ${photos(done.photos)}.`, "Show it", () => context.go({ view: "", q: "", album: done.name }));
      await fill(list);
    } catch (error) { told.textContent = error.message; }
  } }, make("h2", {}, "Make an album of a question"),
  make("div.row", {}, theme, q, top), told, chosen, left, make("div.row.write", {}, name, keep));
}
