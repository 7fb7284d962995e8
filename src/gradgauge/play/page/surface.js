// @ts-check
/** The decision surface of two-dimensional data: a grid of classes under the samples. */
const SIDE = 32;
const HUES = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000"];

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} cells one letter a cell, row by row from the top
 * @param {number[][]} points (x, y, class)
 */
export function drawSurface(canvas, cells, points) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const size = canvas.width / SIDE;
  for (let at = 0; at < cells.length; at += 1) {
    context.globalAlpha = 0.35;
    context.fillStyle = HUES[parseInt(cells[at], 36) % HUES.length];
    context.clearRect((at % SIDE) * size, Math.floor(at / SIDE) * size, size, size);
    context.fillRect((at % SIDE) * size, Math.floor(at / SIDE) * size, size, size);
  }
  context.globalAlpha = 1;
  const box = bounds(points);
  for (const [x, y, label] of points) {
    context.fillStyle = HUES[label % HUES.length];
    context.beginPath();
    const across = ((x - box.left) / (box.right - box.left)) * canvas.width;
    const down = ((box.top - y) / (box.top - box.bottom)) * canvas.height;
    context.arc(across, down, 1.8, 0, 2 * Math.PI);
    context.fill();
  }
}

/** @param {number[][]} points */
function bounds(points) {
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const [left, right] = wider(Math.min(...xs), Math.max(...xs));
  const [bottom, top] = wider(Math.min(...ys), Math.max(...ys));
  return { left, right, bottom, top };
}

/** @param {number} low @param {number} high */
function wider(low, high) {
  const margin = 0.05 * (high - low) + 1e-9;
  return [low - margin, high + margin];
}
