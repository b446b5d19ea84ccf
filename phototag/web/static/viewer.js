// One photo in full: zoomed, paged through, with what was seen in it drawn over it.

import { ask, build, find, get, go, isField, on, onKeys, onlyLatest, toast, within } from "./api.js";
import { correct, undo } from "./corrections.js";
import { drawFace, onGestures } from "./gestures.js";
import * as grid from "./grid.js";

const MOST_ZOOM = 8, SWIPE = 50, PULL = 90;  // SWIPE to the side and PULL down: pixels a finger goes

const dialog = find("#viewer"), stage = find(".stage"), frame = find(".frame"), boxes = find(".boxes");
const [image, heat] = frame.children, panel = find(".panel");
const previous = find(".previous"), next = find(".next");
let photoId = 0, zoom = 1, x = 0, y = 0, isLeaving = false, endDrawing = null;

const index = () => grid.ids.indexOf(photoId);
const inWords = (number) => number.toLocaleString("en");

export async function open(id) {
  if (!dialog.open) dialog.showModal();
  isLeaving = false;
  if (id === photoId) return;
  endDrawing?.();
  photoId = id;
  reset();
  panel.scrollTop = 0;
  boxes.replaceChildren();
  const { ids } = grid, at = index();
  image.style.backgroundImage = `url(/320/${id})`;  // at once, from the grid; the large one covers it
  image.src = `/1600/${id}`;
  find(".counter").textContent = at < 0 ? "" : `${inWords(at + 1)} of ${inWords(ids.length)}`;
  previous.hidden = at <= 0;
  next.hidden = at < 0 || at >= ids.length - 1;
  for (const near of [ids[at + 1], ids[at - 1]]) if (near) new Image().src = `/1600/${near}`;
  await load();
}

async function load() {
  const id = photoId, { scrollTop } = panel;
  showHeat();
  const photo = await get(`/api/photo/${id}`).catch((error) => panel.replaceChildren(error.message));
  if (!photo || photoId !== id) return;
  image.alt = photo.alt;
  panel.replaceChildren(...build(photo.panel));
  panel.scrollTop = scrollTop;
  if (photo.width) frame.style.setProperty("--ratio", photo.width / photo.height);
  boxes.replaceChildren(...build(photo.boxes));
  keepFocus();
}
on(window, "corrected", () => { if (dialog.open) return load(); });

function keepFocus() {  // a button that has just gone takes the focus, and with it the keys, with it
  const has = document.activeElement;
  if (has?.hidden || has?.disabled || !dialog.contains(has)) dialog.focus({ preventScroll: true });
}

export function close() {
  if (!photoId) return;
  const at = index();
  photoId = 0;
  isLeaving = false;
  endDrawing?.();
  dialog.close();
  image.removeAttribute("src");
  showHeat();
  if (at >= 0) grid.focus(at);
}

function leave() {
  if (isLeaving || !photoId) return;  // going back takes a moment; a second Escape goes back no further
  isLeaving = true;
  if (history.state?.inside) history.back(); else go({ photo: 0 }, true);
}
on(dialog, "cancel", (event) => { event.preventDefault(); leave(); });
on(dialog, "close", leave);
on(find(".close"), "click", leave);

function goTo(at) {
  const id = grid.ids[at];
  if (id && photoId && index() >= 0) go({ photo: id }, true);
}
on(previous, "click", () => goTo(index() - 1));
on(next, "click", () => goTo(index() + 1));

on(find(".full"), "click", () =>
  document.fullscreenElement ? document.exitFullscreen() : dialog.requestFullscreen?.());
on(find(".bar"), "click", ({ target }) => {  // app.css shows what these show
  if (target.matches(".toggle")) target.ariaPressed = target.ariaPressed !== "true";
});

function draw() {
  if (endDrawing) return endDrawing();
  reset();
  dialog.classList.add("drawing");
  endDrawing = drawFace(frame, (box) => {
    endDrawing = null;
    dialog.classList.remove("drawing");
    keepFocus();
    if (box) correct("/api/face", { id: photoId, box });
  });
}

// -- the picture

on(image, "error", () => {
  if (photoId) toast("This photo cannot be shown: its file is gone or damaged.");
});

function reset() {
  zoom = 1;
  move(0, 0);
}

function move(toX, toY) {  // as far as there is picture
  const side = ((zoom - 1) / 2) * frame.clientWidth, end = ((zoom - 1) / 2) * frame.clientHeight;
  x = within(toX, -side, side);
  y = within(toY, -end, end);
  frame.style.transform = zoom > 1 ? `translate(${x}px,${y}px) scale(${zoom})` : "";
  dialog.classList.toggle("zoomed", zoom > 1);
}

function zoomBy(factor, atX = 0, atY = 0) {  // what lies at this point, seen from the middle, stays there
  const before = zoom;
  zoom = within(zoom * factor, 1, MOST_ZOOM);
  move(atX - ((atX - x) * zoom) / before, atY - ((atY - y) * zoom) / before);
}

onGestures(stage, {
  zoom: zoomBy,
  nearer: () => (zoom > 1 ? 0 : 2.5),  // a double click, and another one
  move: (across, down) => { if (zoom > 1) move(x + across, y + down); },
  lift: (across, down) => {
    if (zoom > 1) return;
    if (Math.abs(across) > Math.max(SWIPE, 2 * Math.abs(down))) goTo(index() - Math.sign(across));
    else if (down > Math.max(PULL, 2 * Math.abs(across))) leave();
  },
});

on(panel, "mouseover", ({ target }) => {  // a face that is pointed at is lit
  const at = [...panel.querySelectorAll(".faces > li")].indexOf(target.closest(".faces > li"));
  [...boxes.children].forEach((box, index) => box.classList.toggle("lit", index === at));
});
on(panel, "click", ({ target }) => {
  if (target.matches(".draw")) draw();
  if (target.matches(".heats button")) return showHeat(target);
});

// What speaks for a smile or a thing. The server takes seconds for it: a net is asked once more.
const latestHeat = onlyLatest();
async function showHeat(button) {
  const signal = latestHeat(), isOn = button?.ariaPressed === "false";
  const say = (text) => find(".legend", panel)?.replaceChildren(text);
  for (const each of panel.querySelectorAll(".heats button")) each.ariaPressed = isOn && each === button;
  heat.hidden = true;
  say("");
  if (!isOn) return;
  say("Asking the net, which takes some seconds …");
  const error = await ask(button.value, {}, signal).then(() => null, (refused) => refused);
  if (signal.aborted) return;
  say(error?.message ?? button.title);
  heat.src = button.value;
  heat.hidden = error != null;
}

// -- keys, beside those that controls name

onKeys(dialog, {
  Home: () => goTo(0), End: () => goTo(grid.ids.length - 1),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5),
  0: reset, u: undo,
});
on(dialog, "keydown", (event) => {
  if (!isField(event.target) || event.key !== "Escape") return;
  event.preventDefault();
  dialog.focus({ preventScroll: true });  // out of the field first
});
