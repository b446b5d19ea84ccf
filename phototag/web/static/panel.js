// What is known of a photo, in words, and one's own words about it.

import { button, entry, get, link, make, photos, thumbnail, wordForm, writeButton } from "/static/api.js";

const section = (title, ...parts) => make("section", make("h3", title), ...parts);
const write = (text, label, act) => writeButton(text, act, { title: label, "aria-label": label });

export function describe(viewer, photo) {
  const word = { true: "yes", false: "no", null: "unknown" }[photo.everyone_smiling];
  const everyone = photo.smile_words["everyone smiling"];
  const say = (add, remove) => viewer.correct("/api/labels", { ids: [photo.id], add, remove });
  const chips = (labels, title, extra = "") => make("ul.chips", labels.map(({ label, term }) =>
    make("li", link({ q: term }, label), write("×", title(label), () => say([], [label])))), extra);
  const answer = (text, add, remove, on) => writeButton(text, () => say(add, remove), { "aria-pressed": on });
  const showHeat = (of) => viewer.showHeat(viewer.heatOf === of ? "" : of);
  const heat = (of) => button(of, () => showHeat(of), { "aria-pressed": false });
  return [
    make("h2", photo.taken_text, photo.taken_source && make("small", ` ${photo.taken_source}`)),
    ...photo.warnings.map((warning) => make("p.warning", warning)),
    section(["Is everyone smiling? ", make(`b.${word}`, word === "unknown" ? "cannot tell" : word)],
      make("p", photo.why),
      make("p.row", answer("Everyone smiles", ["everyone smiling"], [], everyone === true),
        answer("Not everyone smiles", [], ["everyone smiling"], everyone === false)),
      make("ul.faces", photo.faces.map((face, index) => faceItem(viewer, face, index))),
      photo.denied_faces.length > 0 && make("p.row", make("small", "You say that this is no face:"),
        photo.denied_faces.map((face) => write(`${face.number}: it is one`, `Face ${face.number} is one`,
          () => viewer.correct("/api/faces/untag", { faces: [[photo.id, face.number]] })))),
      write("Draw a face", "Draw a face that was not found (d)", () => viewer.drawFace())),
    section("Your labels", make("div.own", chips(photo.labels, (label) => `Take the label ${label} away`),
      wordForm(entry("Add a label"), "Add", (label) => say([label], [])))),
    section("Seen in it", chips(photo.shows, (label) => `There is no ${label} in it`),
      !photo.shows.length && make("p", "Nothing that is known well enough."),
      photo.unsure && make("p", make("small", photo.unsure))),
    photo.heat.length > 0 && section("What speaks for it",
      make("div.row", photo.heat.map(heat)), make("p.legend", { role: "status" })),
    moment(photo.id),
    section("File", make("dl", photo.facts.map(([name, value]) => [make("dt", name), make("dd", value)]))),
  ].filter(Boolean);
}

function faceItem(viewer, face, index) {
  const faces = [[viewer.id, face.number]];
  const correct = (words) => viewer.correct("/api/faces", { faces, ...words });
  const say = (text, title, words, on) => button(text, () => correct(words),
    { title, "aria-label": `${face.title}: ${title}`, "aria-pressed": on });
  const guess = face.person && !face.is_person_certain;
  const value = guess ? "" : face.person ?? "";
  const name = entry(`Name of ${face.title}`, { list: "persons", placeholder: "Name", value });
  const form = wordForm(name, "Name", (person) => correct({ person }));
  form.append(...[
    guess && say(`It is ${face.person}`, "yes", { person: face.person }),
    guess && say("It is not", "no", { not_persons: [face.person] }),
    say("☺", "smiles", { smiling: true }, face.smile_word === true),
    say("😐", "does not smile", { smiling: false }, face.smile_word === false),
    say("No face", "is not a face", { is_face: false }),
    face.has_words && button("Take back", () => viewer.correct("/api/faces/untag", { faces }),
      { title: "Take your words about this face back" }),
  ].filter(Boolean));
  const light = (on) => () => viewer.light(index, on);
  return make(`li.${face.kind}`, { onmouseenter: light(true), onmouseleave: light(false) },
    make("b", face.title), ` ${face.says}`, face.notes.map((note) => make("small", note)), form);
}

function moment(id) {  // all its shots side by side, the kept one marked
  const place = make("section", button("Compare the shots of this moment", async () => {
    const shots = await get(`/api/moment/${id}`);
    if (shots.length < 2) return place.replaceChildren(make("p", "There is no other shot of this moment."));
    const here = Object.fromEntries(new URLSearchParams(location.search));
    const item = (shot) => make(`li${shot.kept ? ".kept" : ""}`,
      link({ ...here, photo: shot.id }, thumbnail(shot.id, shot.id === id ? "This photo" : "Another shot")),
      make("small", shot.text));
    const title = make("h3", `${photos(shots.length)} of this moment`);
    place.replaceChildren(title, make("ul.shots", shots.map(item)));
  }));
  return place;
}
