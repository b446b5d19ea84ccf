// Where photos were taken: the land as outlines on a canvas, and buttons for places with photos. No tiles: no
// request tells anybody where one looks. Outlines: world-atlas (land.LICENSE), of Natural Earth; those that
// cross the date line go on beyond 180 degrees, and are there twice.

import { build, find, get, go, make, on, oncePerFrame, onlyLatest, state, whenQuiet, within } from "./api.js";
import { onGestures } from "./gestures.js";

const CELL = 56, LINE = 0.6, MARGIN = 4, MOST_ZOOM = 4000, FIRST_ZOOM = 60, QUIET_MS = 80;  // pixels; degrees
const canvas = make("canvas"), spots = make("div"), told = make("p", { role: "status" });
const map = make("div.world", { role: "region", ariaLabel: "Map of places" }, canvas, spots, make("div.row",
  make("button", { onclick: () => zoom(2), ariaLabel: "Closer" }, "+"),
  make("button", { onclick: () => zoom(0.5), ariaLabel: "Further away" }, "−"),
  make("button", { onclick: fit, ariaLabel: "Show all places" }, "All")));
let land, places, q, middle = { east: 0, north: 0 }, scale = 1, wide, high, perDegree;  // pixels

export async function show() {
  document.title = "Map – phototag";
  ({ q } = state());
  land ??= new Path2D(await get("/api/land"));
  places = await get("/api/places", { q });
  told.textContent = places.told;
  spots.replaceChildren();
  find("#page").replaceChildren(told, map);
  fit();
}

const toX = (east) => wide / 2 + (east - middle.east) * perDegree;
const toY = (north) => high / 2 - (north - middle.north) * perDegree;

function setScale(wanted) {
  scale = within(wanted, 1, MOST_ZOOM);
  wide = map.clientWidth;
  high = map.clientHeight;
  perDegree = (Math.min(wide, high * 2) / 360) * scale;
}

function draw() {
  setScale(scale);
  const pen = canvas.getContext("2d"), { color, outlineColor } = getComputedStyle(canvas);
  const dots = devicePixelRatio, dotsPerDegree = perDegree * dots;
  canvas.width = wide * dots;
  canvas.height = high * dots;
  pen.setTransform(dotsPerDegree, 0, 0, -dotsPerDegree, toX(0) * dots, toY(0) * dots);
  pen.fillStyle = color;
  pen.strokeStyle = outlineColor;
  pen.lineWidth = LINE / perDegree;
  pen.fill(land, "evenodd");
  pen.stroke(land);
  for (const spot of spots.children) spot.style.translate = `${toX(spot.east)}px ${toY(spot.north)}px`;
}

const latest = onlyLatest();
const findSpots = whenQuiet(async () => {
  const across = wide / perDegree / 2, along = high / perDegree / 2, { east, north } = middle;
  const window = { west: east - across, east: east + across, south: north - along, north: north + along };
  const found = await get("/api/spots", { q, ...window, cell: CELL / perDegree }, latest());
  spots.replaceChildren(...build(found));
  draw();
}, QUIET_MS);

on(spots, "click", ({ target }) => {
  const { value, east, north } = target.closest("button");
  if (value) return go({ view: "", q: value });
  middle = { east, north };
  zoom(4);
});

const drawSoon = oncePerFrame(draw);
function look() {
  if (!map.isConnected) return;
  drawSoon();
  findSpots();
}
function zoom(factor, x = 0, y = 0) {  // what lies at this point, seen from the middle, stays there
  const before = perDegree;
  setScale(scale * factor);
  const grown = perDegree / before;
  move(x - x * grown, y - y * grown);
}
function move(across, down) {
  middle.east -= across / perDegree;
  middle.north += down / perDegree;
  look();
}
function fit() {
  const { west, east, south, north } = places;
  middle = { east: (west + east) / 2, north: (south + north) / 2 };
  setScale(1);
  const fitting = Math.min(wide / (east - west + 2 * MARGIN), high / (north - south + 2 * MARGIN));
  setScale(Math.min(FIRST_ZOOM, (0.9 * fitting) / perDegree));
  look();
}
onGestures(map, { zoom, move });
on(matchMedia("(prefers-color-scheme: dark)"), "change", look);
new ResizeObserver(look).observe(map);
