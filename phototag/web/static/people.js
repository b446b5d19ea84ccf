// Groups of faces, each one person as far as likeness goes: named, joined, taken apart, suggested.

import { build, find, get, on } from "./api.js";

const page = find("#page");

export async function show() {
  document.title = "People – phototag";
  page.replaceChildren(...build((await get("/api/people")).page));
  choose();
}

function choose() {  // which groups are one person
  const merge = find(".merge", page);
  if (!merge) return;
  const numbers = [...page.querySelectorAll(".people :checked")].map(({ value }) => Number(value));
  merge.disabled = numbers.length < 2;
  merge.offer.sends = { numbers };
}
on(page, "change", choose);

on(page, "click", ({ target }) => {  // only the first pair is seen
  if (target.matches(".later")) find(".suggestions").append(target.closest(".suggestion"));
});

// Whoever answers and names by the keyboard goes on with the next.
on(window, "corrected", async () => {
  if (!find(".people", page)) return;
  const has = document.activeElement, rows = () => [...page.querySelectorAll(".people > li")];
  const isAsked = has.closest(".suggestion"), at = rows().findIndex((each) => each.contains(has));
  await show();
  const row = rows()[has.form ? at + 1 : at];
  if (isAsked) (find(".suggestion") ?? page).focus();
  else if (at >= 0) (row ? find("form input", row) : page).focus();
});
