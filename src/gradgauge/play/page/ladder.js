// @ts-check
/** Two ladders on one spine: the error signal to the left, the forward signal to the right. */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {{low: number, high: number}} Range */
import { number, power, say } from "./words.js";

const LEAST_DECADES = 3;
const LOWEST = -14;

/** An element with a class and children. @param {string} tag @param {string} name @param {...(Node | string)} inner */
export function make(tag, name, ...inner) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...inner);
  return element;
}

/**
 * delta_norm as a share of what arrives at the output layer.
 * @param {import("./story.js").NetworkFrame} frame
 * @returns {(number | null)[]}
 */
export function shares(frame) {
  const deltas = frame.gauges.delta_norm;
  const last = deltas[deltas.length - 1];
  return deltas.map((value) => (value === null || !last ? null : value / last));
}

/** Decades that all values lie in. @param {(number | null)[]} values @returns {Range} */
export function range(values) {
  const logs = values.filter((v) => v !== null && v > 0).map((v) => Math.log10(/** @type {number} */ (v)));
  const high = Math.max(0, Math.ceil(Math.max(0, ...logs) - 0.05));
  const low = Math.max(LOWEST, Math.floor(Math.min(high - LEAST_DECADES, ...logs)));
  return { low, high };
}

/** Where a value stands, 0 to 1. @param {number | null} value @param {Range} scale */
export function place(value, scale) {
  if (value === null || !(value > 0)) return 0;
  const at = (Math.log10(value) - scale.low) / (scale.high - scale.low);
  return Math.min(1, Math.max(0.004, at));
}

export class Ladder {
  /** @param {number} network @param {(layer: number) => void} open */
  constructor(network, open) {
    this.network = network;
    this.open = open;
    this.version = -1;
    /** @type {string[] | undefined} the layers' own names, of somebody's own training. */
    this.names = undefined;
    this.root = make("div", "ladder");
    /** @type {HTMLElement[]} */
    this.rungs = [];
    /** @type {string} the scales that the axes show. */
    this.drawn = "";
  }

  /** @param {Store} store @param {{back: Range, fore: Range}} scales */
  draw(store, scales) {
    const { scene, shown } = store;
    if (!scene || !shown) return;
    if (this.version !== store.version) this.build(scene, store.version);
    this.axes(scales);
    const frame = shown.networks[this.network];
    const first = store.frames[0].networks[this.network];
    const values = { back: shares(frame), fore: frame.gauges.signal_spread };
    const start = { back: shares(first), fore: first.gauges.signal_spread };
    const told = scene.networks[this.network].predicted;
    const theory = { back: told.delta_decades.map((d) => 10 ** d), fore: told.signal_spread };
    this.rungs.forEach((rung, at) => {
      for (const side of /** @type {("back" | "fore")[]} */ (["back", "fore"])) {
        const track = /** @type {HTMLElement} */ (rung.querySelector(`.${side}`));
        const value = values[side][at];
        const at0 = place(start[side][at], scales[side]);
        track.style.setProperty("--now", String(place(value, scales[side])));
        track.style.setProperty("--first", String(at0));
        track.style.setProperty("--theory", String(place(theory[side][at] ?? null, scales[side])));
        track.dataset.state = value === null ? "none" : value === 0 ? "zero" : "";
        this.band(track, frame, side, at, scales[side]);
      }
      this.label(rung, frame, at);
    });
  }

  /**
   * @param {HTMLElement} track @param {import("./story.js").NetworkFrame} frame
   * @param {"back" | "fore"} side @param {number} at @param {Range} scale
   */
  band(track, frame, side, at, scale) {
    const band = frame.bands?.[side === "back" ? "delta_norm" : "signal_spread"];
    track.classList.toggle("banded", Boolean(band));
    if (!band) return;
    const last = frame.gauges.delta_norm[frame.gauges.delta_norm.length - 1];
    const [low, high] = band.map((edge) => {
      const value = edge[at];
      return place(value === null ? null : side === "back" && last ? value / last : value, scale);
    });
    track.style.setProperty("--low", String(low));
    track.style.setProperty("--high", String(high));
  }

  /** @param {HTMLElement} rung @param {import("./story.js").NetworkFrame} frame @param {number} at */
  label(rung, frame, at) {
    const spread = frame.gauges.signal_spread[at];
    rung.setAttribute(
      "aria-label",
      say(at === this.rungs.length - 1 ? "rung.output" : "rung.hidden", {
        layer: this.names ? `${at + 1} (${this.names[at]})` : at + 1,
        delta: number(frame.gauges.delta_norm[at]),
        spread: number(spread),
      }),
    );
  }

  /** @param {import("./store.js").Scene} scene @param {number} version */
  build(scene, version) {
    this.version = version;
    const { names, widths } = scene.networks[this.network];
    const depth = widths.length;
    this.names = names;
    const every = depth > 60 ? 10 : depth > 20 ? 5 : 1;
    this.root.style.setProperty("--rows", String(depth + 1));
    this.root.classList.toggle("dense", depth > 30);
    this.rungs = Array.from({ length: depth + 1 }, (_, at) => {
      const output = at === depth;
      const name = output ? say("rung.out") : (at + 1) % every === 0 || at === 0 ? String(at + 1) : "";
      const rung = make("button", "rung", track("back"), make("span", "spine", name), track("fore"));
      rung.setAttribute("type", "button");
      rung.tabIndex = at ? -1 : 0;
      if (names) rung.title = names[at];
      if (output) rung.setAttribute("aria-disabled", "true");
      rung.addEventListener("click", () => output || this.open(at + 1));
      return rung;
    });
    this.axis = make("div", "axis", make("div", "back"), make("span", "spine"), make("div", "fore"));
    this.axis.setAttribute("aria-hidden", "true");
    const heads = make(
      "div",
      "heads",
      make("span", "back", say("ladder.back")),
      make("span", "spine"),
      make("span", "fore", say("ladder.fore")),
    );
    const group = make("div", "rungs", ...this.rungs);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", say("ladder.group"));
    group.addEventListener("keydown", (event) => this.move(/** @type {KeyboardEvent} */ (event)));
    this.root.replaceChildren(heads, this.axis, group);
    this.drawn = "";
  }

  /** Arrow keys walk the rungs. @param {KeyboardEvent} event */
  move(event) {
    const at = this.rungs.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rungs.length - 1 }[event.key];
    if (to === undefined || !this.rungs[to]) return;
    event.preventDefault();
    this.rungs.forEach((rung, place) => (rung.tabIndex = place === to ? 0 : -1));
    this.rungs[to].focus();
  }

  /** @param {{back: Range, fore: Range}} scales */
  axes(scales) {
    const key = JSON.stringify(scales);
    if (this.drawn === key || !this.axis) return;
    this.drawn = key;
    for (const side of /** @type {("back" | "fore")[]} */ (["back", "fore"])) {
      const scale = scales[side];
      const span = scale.high - scale.low;
      const step = Math.max(1, Math.ceil(span / 4));
      const ticks = [];
      for (let at = scale.high; at >= scale.low; at -= step) {
        const tick = make("span", "tick", power(at));
        tick.style.setProperty("--at", String((at - scale.low) / span));
        ticks.push(tick);
      }
      this.axis.querySelector(`.${side}`)?.replaceChildren(...ticks);
    }
  }
}

/** @param {string} side */
function track(side) {
  return make("span", `track ${side}`, make("i", "theory"), make("i", "bar"), make("i", "first"), make("i", "band"));
}

/**
 * Scales for all ladders of a page, so that their lengths compare.
 * @param {Store} store
 * @returns {{back: Range, fore: Range}}
 */
export function scales(store) {
  const frames = [store.frames[0], store.shown].filter(Boolean);
  const networks = frames.flatMap((frame) => /** @type {any} */ (frame).networks);
  const back = networks.flatMap(shares);
  const fore = networks.flatMap((network) => network.gauges.signal_spread);
  return { back: range(back), fore: range(fore) };
}

