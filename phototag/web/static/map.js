// Where photos were taken: the land as outlines on a canvas, and buttons for places with photos. No tiles: no
// request tells anybody where one looks. Outlines: world-atlas (land.LICENSE), of Natural Earth.

import { make, number, photos, query, toast } from "/static/api.js";

const CELL = 56, MOST_ZOOM = 4000, MOST_CELLS = 200;
let land, shown;

async function outlines() {
  const data = new DataView(await (await fetch("/static/land.bin")).arrayBuffer()), rings = [];
  for (let at = 0; at < data.byteLength; ) {
    const count = data.getUint16(at, true), ring = new Float32Array(2 * count);
    at += 2;
    for (let point = 0; point < 2 * count; point++, at += 2) ring[point] = data.getInt16(at, true) / 100;
    // Across the date line coordinates go on beyond 180 degrees; what is there is drawn once more, a turn further west.
    let east = false, west = false;
    for (let point = 2; point < 2 * count; point += 2) {
      while (ring[point] - ring[point - 2] > 180) ring[point] -= 360;
      while (ring[point] - ring[point - 2] < -180) ring[point] += 360;
      east ||= ring[point] > 180; west ||= ring[point] < -180;
    }
    rings.push(ring);
    if (east || west) rings.push(ring.map((value, point) => (point % 2 ? value : value + (east ? -360 : 360))));
  }
  return rings;
}

export async function show(place, context) {
  document.title = "Map – phototag";
  const canvas = make("canvas", { "aria-hidden": "true" }), spots = make("div.spots"), told = make("p", { role: "status" });
  const button = (text, label, act) => make("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  const map = make("div.map", { role: "region", ariaLabel: "Map of places" }, canvas, spots, make("div.row", {},
    button("+", "Closer", () => zoom(2)), button("−", "Further away", () => zoom(0.5)), button("All", "Show all places", () => fit())));
  place.replaceChildren(told, map);
  const now = context.state().q, view = { x: 0, y: 20, scale: 1 };  // longitude and latitude in the middle
  let found;
  try {
    land ??= await outlines();
    const data = await (await fetch("/api/positions" + query({ q: now }))).arrayBuffer();
    const count = new DataView(data).getUint32(0, true);
    found = { count, ids: new Uint32Array(data, 4, count), degrees: new Float32Array(data, 4 + 4 * count, 2 * count) };
  } catch (error) { return toast(error.message); }
  told.textContent = `${photos(found.count)}${now ? ` of “${now}”` : ""} say where they were taken.` +
    (found.count ? "" : " A place is read from the photo when it is scanned.");

  const width = () => map.clientWidth, height = () => map.clientHeight;
  const per = () => (Math.min(width(), height() * 2) / 360) * view.scale;  // pixels per degree
  const toX = (longitude) => width() / 2 + (longitude - view.x) * per(), toY = (latitude) => height() / 2 - (latitude - view.y) * per();
  function draw() {
    const ratio = devicePixelRatio, pen = canvas.getContext("2d"), style = getComputedStyle(document.body);
    canvas.width = width() * ratio; canvas.height = height() * ratio;
    pen.scale(ratio, ratio);
    pen.fillStyle = style.getPropertyValue("--land"); pen.strokeStyle = style.getPropertyValue("--faint"); pen.lineWidth = 0.6;
    pen.beginPath();
    for (const ring of land) {
      for (let at = 0; at < ring.length; at += 2) pen[at ? "lineTo" : "moveTo"](toX(ring[at]), toY(ring[at + 1]));
      pen.closePath();
    }
    pen.fill("evenodd"); pen.stroke();
    mark();
  }
  function mark() {
    const cells = new Map(), wide = width(), high = height();
    for (let index = 0; index < found.count; index++) {
      const x = toX(found.degrees[2 * index + 1]), y = toY(found.degrees[2 * index]);
      if (x < 0 || y < 0 || x > wide || y > high) continue;
      const key = Math.floor(x / CELL) * 4096 + Math.floor(y / CELL), cell = cells.get(key);
      if (cell) { cell.count++; cell.x += x; cell.y += y; cell.last = index; }
      else cells.set(key, { count: 1, x, y, first: index, last: index });
    }
    spots.replaceChildren(...[...cells.values()].sort((a, b) => b.count - a.count).slice(0, MOST_CELLS).map(spot));
  }
  function spot(cell) {
    const latitude = found.degrees[2 * cell.first], longitude = found.degrees[2 * cell.first + 1];
    const middle = { latitude: view.y - (cell.y / cell.count - height() / 2) / per(), longitude: view.x + (cell.x / cell.count - width() / 2) / per() };
    const radius = cell.count === 1 ? 1 : Math.max(1, Math.min(1000, Math.ceil((CELL / per()) * 111.2))), label = `${photos(cell.count)} near ${middle.latitude.toFixed(1)}, ${middle.longitude.toFixed(1)}`;
    const node = make("button.spot", { type: "button", title: label, "aria-label": label, onclick: () => {
      if (radius > 40 && cell.count > 1 && view.scale < MOST_ZOOM / 4) { view.x = middle.longitude; view.y = middle.latitude; return zoom(4); }
      const at = cell.count === 1 ? { latitude, longitude } : middle;
      return context.go({ view: "", q: `${now} near:${at.latitude.toFixed(4)},${at.longitude.toFixed(4)},${radius}km`.trim() });
    } }, make("img", { alt: "", src: `/320/${found.ids[cell.first]}`, loading: "lazy" }), cell.count > 1 ? make("small", {}, number(cell.count)) : null);
    node.style.transform = `translate(${cell.x / cell.count - 22}px,${cell.y / cell.count - 22}px)`;
    return node;
  }
  function zoom(factor, at) {
    const before = per();
    view.scale = Math.max(1, Math.min(MOST_ZOOM, view.scale * factor));
    if (at) { const grown = 1 / before - 1 / per(); view.x += (at.x - width() / 2) * grown; view.y -= (at.y - height() / 2) * grown; }
    later();
  }
  function fit() {
    let [west, east, south, north] = [180, -180, 90, -90];
    for (let index = 0; index < found.count; index++) {
      const latitude = found.degrees[2 * index], longitude = found.degrees[2 * index + 1];
      west = Math.min(west, longitude); east = Math.max(east, longitude); south = Math.min(south, latitude); north = Math.max(north, latitude);
    }
    if (!found.count) [west, east, south, north] = [-180, 180, -60, 80];
    Object.assign(view, { x: (west + east) / 2, y: (south + north) / 2, scale: 1 });
    const wanted = Math.min(width() / Math.max(east - west + 4, 8), height() / Math.max(north - south + 4, 8)) * 0.9;
    view.scale = Math.max(1, Math.min(60, wanted / per()));
    later();
  }
  let waiting = 0;
  const later = () => { waiting ||= requestAnimationFrame(() => { waiting = 0; draw(); }); };
  let last = null;
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); last = event; });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    view.x -= (event.clientX - last.clientX) / per(); view.y += (event.clientY - last.clientY) / per();
    last = event;
    later();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { last = null; });
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = map.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - box.left, y: event.clientY - box.top });
  }, { passive: false });
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { if (canvas.isConnected) later(); };
  shown?.disconnect();
  shown = new ResizeObserver(later);
  shown.observe(map);
  fit();
}
