// Where photos were taken: the land as outlines on a canvas, and buttons for places with photos. No tiles: no
// request tells anybody where one looks. Outlines: world-atlas (land.LICENSE), of Natural Earth; those that
// cross the date line go on beyond 180 degrees, and are there twice.

import { button, getBytes, make, number, photos, thumbnail } from "/static/api.js";

const CELL = 56, MOST_ZOOM = 4000, MOST_CELLS = 200, KM_PER_DEGREE = 111.2;
let land, watching;

// land.bin, int16: of each outline how many points it has, then hundredths of degrees east and north of each.
async function getLand() {
  const numbers = new Int16Array(await getBytes("/static/land.bin")), rings = [];
  for (let at = 0; at < numbers.length; at += 1 + 2 * numbers[at]) {
    rings.push(Float32Array.from(numbers.subarray(at + 1, at + 1 + 2 * numbers[at]), (value) => value / 100));
  }
  return rings;
}

// Its form is told in phototag/web/answers.py.
async function getPlaces(q) {
  const data = await getBytes("/api/positions", { q }), count = new DataView(data).getUint32(0, true);
  const degrees = new Float32Array(data, 4 + 4 * count, 2 * count);
  return [...new Uint32Array(data, 4, count)].map((id, at) => {
    const [north, east] = degrees.subarray(2 * at);
    return { id, north, east };
  });
}

export async function show(page, context) {
  document.title = "Map – phototag";
  const q = context.state().q, view = { east: 0, north: 20, scale: 1 };  // what is in the middle
  land ??= await getLand();
  const places = await getPlaces(q);
  const canvas = make("canvas", { "aria-hidden": true }), spots = make("div.spots");
  const map = make("div.world", { role: "region", "aria-label": "Map of places" }, canvas, spots, make("div.row",
    button("+", () => zoom(2), { "aria-label": "Closer" }),
    button("−", () => zoom(0.5), { "aria-label": "Further away" }),
    button("All", fit, { "aria-label": "Show all places" })));
  const told = `${photos(places.length)}${q ? ` of “${q}”` : ""} say where they were taken.`;
  page.replaceChildren(make("p", { role: "status" }, told,
    !places.length && " A place is read from the photo when it is scanned."), map);

  let wide, high, perDegree;  // pixels
  const toX = (east) => wide / 2 + (east - view.east) * perDegree;
  const toY = (north) => high / 2 - (north - view.north) * perDegree;
  function measure() {
    wide = map.clientWidth; high = map.clientHeight;
    perDegree = (Math.min(wide, high * 2) / 360) * view.scale;
  }

  function draw() {
    measure();
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.body);
    canvas.width = wide * devicePixelRatio; canvas.height = high * devicePixelRatio;
    pen.scale(devicePixelRatio, devicePixelRatio);
    pen.fillStyle = style.getPropertyValue("--land"); pen.strokeStyle = style.getPropertyValue("--faint");
    pen.lineWidth = 0.6;
    pen.beginPath();
    for (const ring of land) {
      pen.moveTo(toX(ring[0]), toY(ring[1]));
      for (let at = 2; at < ring.length; at += 2) pen.lineTo(toX(ring[at]), toY(ring[at + 1]));
      pen.closePath();
    }
    pen.fill("evenodd"); pen.stroke();
    spots.replaceChildren(...gather().map(spot));
  }

  function gather() {  // what lies in one cell of the window is one spot, in the middle of its photos
    const cells = new Map();
    for (const { id, east, north } of places) {
      const x = toX(east), y = toY(north);
      if (x < 0 || y < 0 || x > wide || y > high) continue;
      const key = `${Math.floor(x / CELL)} ${Math.floor(y / CELL)}`;
      const cell = cells.get(key) ?? { id, count: 0, east, north };
      cell.count++;
      cell.east += (east - cell.east) / cell.count;
      cell.north += (north - cell.north) / cell.count;
      cells.set(key, cell);
    }
    return [...cells.values()].sort((a, b) => b.count - a.count).slice(0, MOST_CELLS);
  }

  function spot({ id, count, east, north }) {
    const km = count === 1 ? 1 : Math.min(1000, Math.ceil((CELL / perDegree) * KM_PER_DEGREE));
    const label = `${photos(count)} near ${north.toFixed(1)}, ${east.toFixed(1)}`;
    const look = () => {
      if (km > 40 && view.scale < MOST_ZOOM / 4) { Object.assign(view, { east, north }); return zoom(4); }
      return context.go({ view: "", q: `${q} near:${north.toFixed(4)},${east.toFixed(4)},${km}km`.trim() });
    };
    const made = make("button.spot", { type: "button", title: label, "aria-label": label, onclick: look },
      thumbnail(id), count > 1 && make("small", number(count)));
    made.style.transform = `translate(${toX(east) - 22}px,${toY(north) - 22}px)`;
    return made;
  }

  let waiting = 0;
  const later = () => { waiting ||= requestAnimationFrame(() => { waiting = 0; draw(); }); };
  function zoom(factor, x = wide / 2, y = high / 2) {  // what lies at this point stays there
    const before = perDegree;
    view.scale = Math.max(1, Math.min(MOST_ZOOM, view.scale * factor));
    measure();
    view.east += (x - wide / 2) * (1 / before - 1 / perDegree);
    view.north -= (y - high / 2) * (1 / before - 1 / perDegree);
    later();
  }
  function fit() {
    const easts = places.map((each) => each.east), norths = places.map((each) => each.north);
    const least = (values, otherwise) => values.reduce((a, b) => Math.min(a, b), otherwise);
    const most = (values, otherwise) => values.reduce((a, b) => Math.max(a, b), otherwise);
    const [west, east, south, north] = places.length
      ? [least(easts, 180), most(easts, -180), least(norths, 90), most(norths, -90)] : [-180, 180, -60, 80];
    Object.assign(view, { east: (west + east) / 2, north: (south + north) / 2, scale: 1 });
    measure();
    const wanted = Math.min(wide / Math.max(east - west + 4, 8), high / Math.max(north - south + 4, 8)) * 0.9;
    view.scale = Math.max(1, Math.min(60, wanted / perDegree));
    later();
  }
  let last;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = event;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    view.east -= (event.clientX - last.clientX) / perDegree;
    view.north += (event.clientY - last.clientY) / perDegree;
    last = event;
    later();
  });
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = map.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { if (canvas.isConnected) later(); };
  watching?.disconnect();
  watching = new ResizeObserver(later);
  watching.observe(map);
  fit();
}
