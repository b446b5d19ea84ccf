"use strict";
// The lightbox. What is open is said by the address (#photo-3), so that the Back button closes it and a photo can be linked
// to. No element has that name: going to one would scroll the page and take the focus out of the dialog.
// Without this script the links open the pictures themselves.
(() => {
  const items = Array.from(document.querySelectorAll(".grid li"));
  const dialog = document.querySelector("dialog");
  const picture = dialog.querySelector("img");
  const caption = dialog.querySelector("figcaption");
  const previous = dialog.querySelector(".previous");
  const next = dialog.querySelector(".next");
  const addresses = items.map((_, index) => "#photo-" + (index + 1));
  let open = -1;
  let cameFromPage = false;

  const show = (index) => {
    const link = items[index].querySelector("a");
    open = index;
    picture.src = link.href;
    picture.alt = link.querySelector("img").alt;
    caption.replaceChildren(...Array.from(items[index].querySelector("figcaption").children, (each) => each.cloneNode(true)));
    previous.hidden = index === 0;
    next.hidden = index === items.length - 1;
    if (!dialog.open) dialog.showModal();
    if (document.activeElement?.hidden || !dialog.contains(document.activeElement)) dialog.focus({ preventScroll: true });
    for (const near of [index + 1, index - 1]) {
      if (items[near]) new Image().src = items[near].querySelector("a").href;
    }
  };
  const follow = () => {
    const index = addresses.indexOf(location.hash);
    if (index >= 0) {
      show(index);
    } else if (dialog.open) {
      dialog.close();
    }
  };
  const go = (index) => {
    if (items[index]) location.replace(addresses[index]);
  };
  const leave = () => {
    if (cameFromPage) {
      cameFromPage = false;
      history.back();
    } else {
      location.replace("#all");
    }
  };

  document.querySelector(".grid").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    cameFromPage = true;
    location.hash = addresses[items.indexOf(link.closest("li"))];
  });
  dialog.addEventListener("close", () => {
    if (open < 0) return;
    const link = items[open].querySelector("a");
    open = -1;
    picture.removeAttribute("src");
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
    if (addresses.includes(location.hash)) leave();
    else cameFromPage = false;
  });
  document.addEventListener("keydown", (event) => {  // wherever the focus has gone
    if (!dialog.open) return;
    const to = { ArrowLeft: open - 1, ArrowRight: open + 1, PageUp: open - 1, PageDown: open + 1, Home: 0, End: items.length - 1 };
    if (event.key in to && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      go(to[event.key]);
    }
  });
  previous.addEventListener("click", () => go(open - 1));
  next.addEventListener("click", () => go(open + 1));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());

  let start = null;
  dialog.addEventListener("pointerdown", (event) => {
    start = event.isPrimary && !event.target.closest("button") ? { x: event.clientX, y: event.clientY } : null;
  });
  dialog.addEventListener("pointerup", (event) => {
    if (!start || !event.isPrimary) return;
    const across = event.clientX - start.x;
    const down = event.clientY - start.y;
    start = null;
    if (Math.abs(across) > 40 && Math.abs(across) > 2 * Math.abs(down)) {
      go(open + (across < 0 ? 1 : -1));
    } else if (Math.abs(across) < 6 && Math.abs(down) < 6 && event.target === picture) {
      go(open + (event.clientX < innerWidth / 3 ? -1 : 1));
    }
  });
  dialog.addEventListener("pointercancel", () => { start = null; });
  addEventListener("hashchange", follow);
  follow();
})();
