// Groups of faces, each one person as far as likeness goes: named, joined, taken apart, suggested. What is said here
// hangs on the faces themselves.

import { get, make, photos, post, query, toast } from "/static/api.js";
import { quoted } from "/static/viewer.js";

let page, context;

export async function show(place, with_) {
  page = place; context = with_;
  document.title = "People \u2013 phototag";
  await fill();
}

async function fill() {
  const found = await get("/api/people"), chosen = new Set();
  const merge = make("button.write", { type: "button", disabled: true, onclick: () => say("/api/people/merge", { numbers: [...chosen] }) }, "The chosen are one person");
  const choose = (number, on) => { if (on) chosen.add(number); else chosen.delete(number); merge.disabled = chosen.size < 2; };
  page.replaceChildren(make("h1", {}, "People"));
  if (!found.groups.length) {
    page.append(make("p", {}, found.looking ? "No face was seen twice yet." : "Nobody was looked for in this catalog. To look whose face is whose, type: phototag scan FOLDER --people"));
    return;
  }
  if (found.suggestions.length) page.append(suggestions(found.suggestions));
  page.append(make("div.row", {}, merge), make("ul.people", {}, ...found.groups.map((group) => row(group, choose))));
  if (found.more) page.append(make("p", {}, `${found.more.toLocaleString("en")} smaller groups: phototag people --all`));
}

async function say(path, body) {
  try {
    const done = await post(path, body);
    context.told(done, []);
    context.learnPersons();
    context.grid.lines.clear();
  } catch (error) { toast(error.message); }
  // Whoever answers and names by the keyboard goes on with the next.
  const asked = page.querySelector(".suggestion")?.contains(document.activeElement);
  const row = [...page.querySelectorAll(".people > li")].findIndex((each) => each.contains(document.activeElement));
  await fill();
  if (asked) (page.querySelector(".suggestion") ?? page).focus();
  else if (row >= 0) (page.querySelectorAll(".people > li")[path === "/api/people/name" ? row + 1 : row]?.querySelector("input[type=text]") ?? page).focus();
}

const years = ([first, last]) => (!first ? "" : first === last ? `, ${first}` : `, ${first} to ${last}`);
const about = (group) => `${group.faces.toLocaleString("en")} face${group.faces === 1 ? "" : "s"} in ${photos(group.photos)}${years(group.years)}`;
const faces = (group) => make("ul.examples", {}, ...group.examples.map((face) => make("li", {}, make("a", { href: "/" + query({ photo: face.photo }) },
  make("img", { loading: "lazy", alt: `A face of ${group.name ?? `group ${group.number}`}`, src: `/face/${face.photo}?box=${face.box.join()}` })))));

function row(group, choose) {
  const title = group.name ?? `Group ${group.number}`;
  const input = make("input", { type: "text", placeholder: "Who is this?", "aria-label": `Name of ${title}`, value: group.name ?? "", autocomplete: "off", maxLength: 200 });
  input.setAttribute("list", "persons");
  return make("li", {},
    make("div.row", {},
      make("label.write", {}, make("input", { type: "checkbox", "aria-label": `Choose ${title}`, onchange: (event) => choose(group.number, event.target.checked) })),
      group.name ? make("a", { href: "/" + query({ q: `person:${quoted(group.name)}` }) }, make("b", {}, group.name)) : make("b", {}, title),
      make("small", {}, about(group) + (group.sure ? "" : "; not sure")),
      make("form.write", { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) say("/api/people/name", { number: group.number, name: input.value.trim() }); } }, input, make("button", { type: "submit" }, "Name")),
      make("button.write", { type: "button", title: "These are more than one person", onclick: () => say("/api/people/split", { number: group.number }) }, "Split")),
    faces(group));
}

// One pair at a time: y, n, or s for later.
function suggestions(pairs) {
  const place = make("section.suggestion.write", { tabIndex: 0, role: "group", ariaLabel: "May these be one person? y: yes, n: no, s: later" });
  let at = 0;
  const named = ({ one, other }) => (one.name ? [other, one.name] : other.name ? [one, other.name] : null);
  const yes = () => { const { one, other } = pairs[at]; say("/api/people/merge", { numbers: [one.number, other.number] }); };
  const no = () => { const who = named(pairs[at]); if (who) say("/api/people/deny", { number: who[0].number, name: who[1] }); else later(); };
  const later = () => { at = (at + 1) % pairs.length; draw(); };
  const button = (text, act) => make("button", { type: "button", onclick: act }, text);
  const draw = () => {
    const { one, other } = pairs[at], who = named(pairs[at]);
    place.replaceChildren(make("h2", {}, who ? `Is this ${who[1]}?` : "Are these one person?"), make("small", {}, ` ${at + 1} of ${pairs.length}`),
      faces(one), faces(other), make("div.row", {}, button("Yes (y)", yes), button(who ? "No (n)" : "Cannot say (n)", no), button("Later (s)", later)));
  };
  place.addEventListener("keydown", (event) => {
    const act = { y: yes, n: no, s: later }[event.key];
    if (act && !event.ctrlKey && !event.metaKey) { event.preventDefault(); act(); }
  });
  draw();
  return place;
}
