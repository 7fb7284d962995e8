// @ts-check
/** Loss and accuracy over the steps, with a cursor at the shown one. */
/** @typedef {import("./store.js").Store} Store */
import { make } from "./ladder.js";
import { say } from "./words.js";

/** @type {any} */
const Plot = /** @type {any} */ (globalThis).uPlot;
const HEIGHT = 190;

export class Courses {
  /** @param {HTMLElement} root @param {(step: number) => void} hold */
  constructor(root, hold) {
    this.root = root;
    this.hold = hold;
    /** @type {any[]} */
    this.plots = [];
    this.key = "";
    this.step = 0;
    /** @type {number[]} */
    this.marks = [];
    new ResizeObserver(() => this.fit()).observe(root);
  }

  /** @param {Store} store */
  draw(store) {
    if (!store.scene || !store.frames.length) return;
    const key = `${store.version} ${document.documentElement.lang} ${theme()}`;
    if (key !== this.key) this.build(store, key);
    this.step = store.shown ? store.shown.step : 0;
    this.marks = marks(store.scene.settings);
    const steps = store.frames.map((frame) => frame.step);
    const column = (/** @type {number} */ network, /** @type {string} */ name) =>
      store.frames.map((frame) => /** @type {any} */ (frame.networks[network])[name]);
    const networks = store.scene.networks.map((_, at) => at);
    this.plots[0]?.setData([steps, ...networks.map((at) => column(at, "loss"))]);
    const both = networks.flatMap((at) => [column(at, "accuracy"), column(at, "test_accuracy")]);
    this.plots[1]?.setData([steps, ...both]);
  }

  /** @param {Store} store @param {string} key */
  build(store, key) {
    this.key = key;
    this.plots.forEach((plot) => plot.destroy());
    const scene = /** @type {import("./store.js").Scene} */ (store.scene);
    const ink = colors();
    const line = (/** @type {number} */ at, /** @type {any} */ more) => ({
      label: scene.networks[at].name,
      stroke: at ? ink.b : ink.a,
      width: 2,
      dash: at ? [7, 4] : [],
      points: { show: false },
      ...more,
    });
    const places = scene.networks.map((_, at) => at);
    const loss = places.map((at) => line(at, {}));
    const accuracy = places.flatMap((at) => [
      line(at, { width: 1, alpha: 0.45 }),
      line(at, { spanGaps: true, points: { show: true, size: 5, fill: at ? ink.b : ink.a } }),
    ]);
    this.root.replaceChildren();
    const hasAccuracy = scene.data.constant !== null;
    const charts = [{ title: say("loss"), series: loss, low: null }];
    if (hasAccuracy) charts.push({ title: say("accuracy"), series: accuracy, low: /** @type {any} */ ([0, 1]) });
    this.plots = charts.map((chart) => this.chart(chart, () => scene.steps || newest(store), ink));
    this.fit();
  }

  /** @param {{title: string, series: any[], low: any}} chart @param {() => number} steps @param {any} ink */
  chart(chart, steps, ink) {
    const figure = make("figure", "", make("figcaption", "", chart.title));
    this.root.append(figure);
    const axis = { stroke: ink.muted, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    return new Plot(
      {
        width: 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: false, range: () => [0, Math.max(1, steps())] }, y: chart.low ? { range: chart.low } : {} },
        axes: [{ ...axis, size: 28, space: 60 }, { ...axis, size: 44, space: 34 }],
        series: [{}, ...chart.series],
        hooks: {
          draw: [(/** @type {any} */ plot) => this.cursor(plot, ink)],
          ready: [(/** @type {any} */ plot) => this.listen(plot)],
        },
      },
      [[0], ...chart.series.map(() => [null])],
      figure,
    );
  }

  /** A click holds the step under it. @param {any} plot */
  listen(plot) {
    plot.over.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const left = event.clientX - plot.over.getBoundingClientRect().left;
      this.hold(Math.round(plot.posToVal(left, "x")));
    });
  }

  /** The shown step as a line, changes of the rate as dashed ones. @param {any} plot @param {any} ink */
  cursor(plot, ink) {
    const context = plot.ctx;
    const line = (/** @type {number} */ step, /** @type {string} */ color, /** @type {number[]} */ dash) => {
      const x = Math.round(plot.valToPos(step, "x", true)) + 0.5;
      context.save();
      context.strokeStyle = color;
      context.setLineDash(dash);
      context.lineWidth = devicePixelRatio;
      context.beginPath();
      context.moveTo(x, plot.bbox.top);
      context.lineTo(x, plot.bbox.top + plot.bbox.height);
      context.stroke();
      context.restore();
    };
    this.marks.forEach((step) => line(step, ink.muted, [3, 4]));
    line(this.step, ink.ink, []);
  }

  fit() {
    const figures = this.root.querySelectorAll("figure");
    this.plots.forEach((plot, at) => {
      const width = figures[at]?.clientWidth ?? 0;
      if (width) plot.setSize({ width, height: HEIGHT });
    });
  }
}

/** Steps at which a rate was changed. @param {Record<string, string>} settings @returns {number[]} */
export function marks(settings) {
  return ["lr", "b.lr"].flatMap((key) =>
    (settings[key] ?? "").split(",").slice(1).map((piece) => Number(piece.split(":")[0])),
  );
}

/** The newest step. @param {Store} store */
function newest(store) {
  return store.frames[store.frames.length - 1]?.step ?? 0;
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  const named = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return { a: named("a"), b: named("b"), ink: named("ink"), muted: named("muted"), grid: named("line") };
}

function theme() {
  const chosen = document.documentElement.dataset.theme ?? "";
  return `${chosen} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
}
