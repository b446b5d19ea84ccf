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
  const play = dialog.querySelector(".play");
  const original = dialog.querySelector(".original");
  const addresses = items.map((_, index) => "#photo-" + (index + 1));
  let open = -1;
  let cameFromPage = false;
  const SLIDE_MS = 4000;
  const MOST_ZOOM = 6;
  let slides = 0;
  const view = { zoom: 1, x: 0, y: 0 };

  const place = () => {
    const wide = (view.zoom - 1) / 2 * picture.clientWidth;
    const high = (view.zoom - 1) / 2 * picture.clientHeight;
    view.x = Math.max(-wide, Math.min(wide, view.x));
    view.y = Math.max(-high, Math.min(high, view.y));
    picture.style.transform = view.zoom > 1 ? `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` : "";
    dialog.classList.toggle("zoomed", view.zoom > 1);
  };
  const zoom = (factor) => {
    view.zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom * factor));
    if (view.zoom > 1) stop();
    place();
  };
  const stop = () => {
    clearInterval(slides);
    slides = 0;
    play.setAttribute("aria-pressed", "false");
  };
  const toggleSlides = () => {
    if (slides) return stop();
    zoom(0);
    play.setAttribute("aria-pressed", "true");
    slides = setInterval(() => { if (open + 1 < items.length) go(open + 1); else stop(); }, SLIDE_MS);
  };

  const show = (index) => {
    const link = items[index].querySelector("a");
    open = index;
    zoom(0);
    dialog.querySelector(".counter").textContent = `${index + 1} / ${items.length}`;
    original.hidden = !link.dataset.original;
    if (link.dataset.original) original.href = link.dataset.original;
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

  document.querySelector("main").addEventListener("click", (event) => {
    const link = event.target.closest(".grid a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    cameFromPage = true;
    location.hash = addresses[items.indexOf(link.closest("li"))];
  });
  dialog.addEventListener("close", () => {
    stop();
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
    if (event.key === " " && !event.target.closest?.("button:not(.close), a")) {  // pressed by a button, it would close the viewer
      event.preventDefault();
      toggleSlides();
    }
    const factor = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, "0": 0 }[event.key];
    if (factor !== undefined && !event.ctrlKey && !event.metaKey) { event.preventDefault(); zoom(factor); }
    const to = { ArrowLeft: open - 1, ArrowRight: open + 1, PageUp: open - 1, PageDown: open + 1, Home: 0, End: items.length - 1 };
    if (event.key in to && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      stop();
      go(to[event.key]);
    }
  });
  document.addEventListener("keyup", (event) => { if (dialog.open && event.key === " " && event.target.closest?.(".close")) event.preventDefault(); });
  previous.addEventListener("click", () => { stop(); go(open - 1); });
  next.addEventListener("click", () => { stop(); go(open + 1); });
  play.addEventListener("click", toggleSlides);
  dialog.querySelector(".zoom").addEventListener("click", () => zoom(view.zoom > 1 ? 0 : 2.5));
  dialog.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400)); }, { passive: false });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());

  let start = null;
  let spread = 0;
  const down = new Map();
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, a")) return;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    start = event.isPrimary ? { x: event.clientX, y: event.clientY } : null;
    spread = 0;
  });
  dialog.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    down.set(event.pointerId, now);
    if (down.size === 2) {
      const [one, other] = [...down.values()];
      const wide = Math.hypot(one.x - other.x, one.y - other.y);
      if (spread) zoom(wide / spread);
      spread = wide;
    } else if (view.zoom > 1) {
      view.x += now.x - last.x;
      view.y += now.y - last.y;
      place();
    }
  });
  dialog.addEventListener("pointerup", (event) => {
    down.delete(event.pointerId);
    if (!start || !event.isPrimary) return;
    const across = event.clientX - start.x;
    const along = event.clientY - start.y;
    start = null;
    if (view.zoom > 1) return;
    if (Math.abs(across) > 40 && Math.abs(across) > 2 * Math.abs(along)) {
      stop();
      go(open + (across < 0 ? 1 : -1));
    } else if (Math.abs(across) < 6 && Math.abs(along) < 6 && event.target === picture) {
      stop();
      go(open + (event.clientX < innerWidth / 3 ? -1 : 1));
    }
  });
  dialog.addEventListener("pointercancel", (event) => { down.delete(event.pointerId); start = null; });
  addEventListener("hashchange", follow);
  follow();
})();
