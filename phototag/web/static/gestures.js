// What mouse, fingers and keys do with a picture or a map.

import { make, on, onKeys, within } from "./api.js";

// A wheel, a double click and two fingers `zoom(factor, x, y)`, in pixels from the middle; one pointer does
// `move(across, down)`, and a single finger that is lifted `lift(across, down)`, how far it went in all.
export function onGestures(element, { zoom, move, lift, nearer = () => 2 }) {
  const pointers = new Map();
  let spread = 0, began = null;
  const zoomAt = (factor, { clientX, clientY }) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    zoom(factor, clientX - left - width / 2, clientY - top - height / 2);
  };
  on(element, "wheel", (event) => {
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY / 300), event);
  }, { passive: false });
  on(element, "dblclick", (event) => zoomAt(nearer(), event));
  on(element, "pointerdown", (event) => {
    if (event.button || event.target.closest("button, .drawing *")) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    began = pointers.size === 1 && event.pointerType !== "mouse" ? event : null;
    spread = 0;
  });
  on(element, "pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    pointers.set(event.pointerId, event);
    const [one, other] = pointers.values();
    if (!other) return move(event.clientX - last.clientX, event.clientY - last.clientY);
    const wide = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const clientX = (one.clientX + other.clientX) / 2, clientY = (one.clientY + other.clientY) / 2;
    if (spread) zoomAt(wide / spread, { clientX, clientY });
    spread = wide;
  });
  const up = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    spread = 0;
    if (!began || event.type !== "pointerup") return;
    lift?.(event.clientX - began.clientX, event.clientY - began.clientY);
  };
  on(element, "pointerup", up);
  on(element, "pointercancel", up);
}

// -- a face that no net has found: drawn with a mouse or finger, or placed by keys

const STEP = 0.01;
const HINT = "Draw around the face; or move this with arrow keys, size it with Shift, and press Enter";

// Calls `done` with its box as fractions of `frame`, or with nothing. Returns what ends it.
export function drawFace(frame, done) {
  const box = make("div.box.drawn", { tabIndex: 0, role: "application", ariaLabel: HINT },
    make("span", HINT));
  let edges, from = null;
  const put = (...moved) => {
    edges = moved;
    const [left, top, right, bottom] = edges;
    box.style.inset = [top, 1 - right, 1 - bottom, left].map((part) => `${part * 100}%`).join(" ");
  };
  const end = (kept) => {
    box.remove();
    frame.onpointerdown = frame.onpointermove = frame.onpointerup = null;
    done(kept);
  };
  const keep = () => end(edges.map((edge) => within(edge, 0, 1)));
  const step = (across, down) => ({ shiftKey }) => {
    const [left, top, right, bottom] = edges;
    if (!shiftKey) put(left + across, top + down, right + across, bottom + down);
    else put(left, top, Math.max(left + STEP, right + across), Math.max(top + STEP, bottom + down));
  };
  onKeys(box, {
    ArrowLeft: step(-STEP, 0), ArrowRight: step(STEP, 0), ArrowUp: step(0, -STEP), ArrowDown: step(0, STEP),
    Enter: keep, Escape: () => end(),
  });
  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  };
  frame.onpointerdown = (event) => { frame.setPointerCapture(event.pointerId); from = at(event); };
  frame.onpointermove = (event) => {
    if (!from) return;
    const [x, y] = at(event);
    put(Math.min(from[0], x), Math.min(from[1], y), Math.max(from[0], x), Math.max(from[1], y));
  };
  frame.onpointerup = () => { if (from && edges[2] - edges[0] > STEP) keep(); from = null; };
  frame.append(box);
  put(0.4, 0.3, 0.6, 0.6);
  box.focus();
  return end;
}
