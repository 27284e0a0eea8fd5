// The last ten seconds of microphone and loudspeaker, from the lowest to the highest sample of each column.

import { at } from "./dom.js";

const COLUMNS = 800;
const FULL = 128;
const SIDES = ["microphone", "loudspeaker"];
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const STILL_MS = 1000;

const LEAST_DB = -60;

const canvas = at("wave");
const columns = Object.fromEntries(SIDES.map((side) => [side, new Int8Array(COLUMNS * 2)]));
let drawn = 0;

/** Take what came; draw it soon. Where motion is not wanted, the picture changes once a second and the meters do not run. */
export function hear(levels) {
  for (const side of SIDES) {
    const fresh = levels[side].columns.slice(-COLUMNS * 2);
    columns[side].copyWithin(0, fresh.length);
    columns[side].set(fresh, COLUMNS * 2 - fresh.length);
  }
  const now = performance.now();
  if (document.hidden || (STILL.matches && now - drawn < STILL_MS)) return;
  drawn = now;
  for (const side of SIDES) show(side, levels[side].db);
  requestAnimationFrame(draw);
}

/** Nothing is heard any more. */
export function silence() {
  for (const side of SIDES) {
    columns[side].fill(0);
    show(side, LEAST_DB);
  }
  requestAnimationFrame(draw);
}

function show(side, db) {
  const meter = at(side);
  meter.setAttribute("aria-valuenow", Math.max(LEAST_DB, db));
  meter.firstChild.style.width = `${Math.max(0, 1 - db / LEAST_DB) * 100}%`;
}

function draw() {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => size * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const to = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  to.clearRect(0, 0, width, height);
  const step = width / COLUMNS;
  SIDES.forEach((side, lane) => {
    const half = height / 4;
    const middle = half * (1 + 2 * lane);
    to.fillStyle = style.getPropertyValue(`--${side}`);
    const heights = columns[side];
    for (let column = 0; column < COLUMNS; column += 1) {
      // The square root: a quiet voice is seen, too.
      const low = Math.sqrt(Math.max(0, -heights[column * 2]) / FULL) * half * 0.95;
      const high = Math.sqrt(Math.max(0, heights[column * 2 + 1]) / FULL) * half * 0.95;
      const [left, right] = [Math.floor(column * step), Math.floor((column + 1) * step)];
      to.fillRect(left, middle - high, right - left, Math.max(devicePixelRatio, low + high));
    }
  });
}
