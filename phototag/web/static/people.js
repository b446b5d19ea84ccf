// Groups of faces, each one person as far as likeness goes: named, joined, taken apart, suggested. What is said
// here hangs on the faces themselves.

import { button, entry, get, link, make, number, post, wordForm, writeButton } from "/static/api.js";

let page, context;

export async function show(place, with_) {
  page = place; context = with_;
  document.title = "People – phototag";
  await fill();
}

async function fill() {
  const { groups, suggestions, looking, more } = await get("/api/people"), chosen = new Set();
  const join = () => say("merge", { numbers: [...chosen] });
  const merge = writeButton("The chosen are one person", join, { disabled: true });
  const choose = (which, on) => {
    chosen[on ? "add" : "delete"](which);
    merge.disabled = chosen.size < 2;
  };
  page.replaceChildren(make("h1", "People"));
  if (!groups.length) {
    return page.append(make("p", looking ? "No face was seen twice yet."
      : "Nobody was looked for in this catalog. To look whose face is whose, type: phototag scan FOLDER --people"));
  }
  if (suggestions.length) page.append(ask(suggestions));
  page.append(make("div.row", merge), make("ul.people", groups.map((group) => row(group, choose))),
    more ? make("p", `${number(more)} smaller groups: phototag people --all`) : "");
}

async function say(what, words) {
  try {
    context.told(await post(`/api/people/${what}`, words), []);
  } finally {
    const has = document.activeElement, rows = () => [...page.querySelectorAll(".people > li")];
    const isAsked = page.querySelector(".suggestion")?.contains(has);
    const at = rows().findIndex((each) => each.contains(has));
    await fill();
    // Whoever answers and names by the keyboard goes on with the next.
    const next = rows()[what === "name" ? at + 1 : at]?.querySelector("input[type=text]");
    if (isAsked || at >= 0) ((isAsked ? page.querySelector(".suggestion") : next) ?? page).focus();
  }
}

const faces = ({ examples, title: who }) => make("ul.examples", examples.map(({ photo, box }) => {
  const image = { loading: "lazy", alt: `A face of ${who}`, src: `/face/${photo}?box=${box.join()}` };
  return make("li", link({ photo }, make("img", image)));
}));

function row(group, choose) {
  const { number, name, title } = group;
  const onchange = () => choose(number, box.checked);
  const box = make("input", { type: "checkbox", "aria-label": `Choose ${title}`, onchange });
  const input = entry(`Name of ${title}`, { placeholder: "Who is this?", value: name ?? "", list: "persons" });
  return make("li",
    make("div.row", make("label.write", box),
      name ? link({ q: group.term }, make("b", name)) : make("b", title), make("small", group.about),
      wordForm(input, "Name", (name) => say("name", { number, name })),
      writeButton("Split", () => say("split", { number }), { title: "These are more than one person" })),
    faces(group));
}

// One pair at a time: y, n, or s for later.
function ask(pairs) {
  const keys = "May these be one person? y: yes, n: no, s: later";
  const place = make("section.suggestion.write", { tabIndex: 0, role: "group", "aria-label": keys });
  let at = 0;
  const numbers = () => [pairs[at].one.number, pairs[at].other.number];
  const yes = () => say("merge", { numbers: numbers() }), no = () => say("apart", { numbers: numbers() });
  const later = () => { at = (at + 1) % pairs.length; draw(); };
  const draw = () => {
    const { one, other, question } = pairs[at];
    place.replaceChildren(make("h2", question), make("small", ` ${at + 1} of ${pairs.length}`),
      faces(one), faces(other),
      make("div.row", button("Yes (y)", yes), button("No (n)", no), button("Later (s)", later)));
  };
  place.addEventListener("keydown", (event) => {
    const act = { y: yes, n: no, s: later }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  draw();
  return place;
}
