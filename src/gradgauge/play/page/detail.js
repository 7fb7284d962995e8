// @ts-check
/** A layer from near, and a unit of it: histograms, weights, every formula with its figures. */
/** @typedef {import("./store.js").Store} Store */
import { activations, written } from "./address.js";
import { make } from "./ladder.js";
import { called, number, percent, say } from "./words.js";

const FORMULAS = [
  ["delta_norm", "‖δ‖ = ‖∂L/∂z‖"],
  ["slope_gain", "‖g ⊙ f′(z)‖ / ‖g‖"],
  ["weight_gain", "‖g‖ / ‖δ₊₁‖"],
  ["backward_gain", "‖δ‖ / ‖δ₊₁‖"],
  ["signal_spread", "Σ Var(h) / Σ Mean(h²)"],
  ["update_ratio", "‖ΔW‖ / ‖W‖"],
  ["weight_grad_norm", "‖∂L/∂W‖"],
  ["weight_norm", "‖W‖"],
  ["z_std", "std z"],
];
const SHARES = [
  ["saturated", "|f′(z)| < 0.05 max |f′|"],
  ["dead", "f′(z) = 0"],
];

export class Detail {
  /**
   * @param {HTMLElement} root
   * @param {{look: (network: number, layer: number, unit: number | null, step: number) => void,
   *   set: (changes: Record<string, string>) => void, redraw: () => void}} ask
   * @param {{activations: string[]}} choices
   */
  constructor(root, ask, choices) {
    this.root = root;
    this.ask = ask;
    this.choices = choices;
    /** @type {{network: number, layer: number, unit: number | null} | null} */
    this.at = null;
    this.key = "";
    this.asked = "";
    /** @type {HTMLElement | null} */
    this.from = null;
  }

  /** @param {number} network @param {number} layer */
  open(network, layer) {
    this.from = /** @type {HTMLElement} */ (document.activeElement);
    this.at = { network, layer, unit: null };
    this.key = "";
    this.root.hidden = false;
  }

  close() {
    this.at = null;
    this.root.hidden = true;
    this.from?.focus();
  }

  /** @param {Store} store */
  draw(store) {
    const { scene, shown } = store;
    const at = this.at;
    if (!at || !scene || !shown || !scene.networks[at.network]?.widths[at.layer - 1]) {
      this.root.hidden = true;
      return;
    }
    const key = JSON.stringify([at, store.version, document.documentElement.lang]);
    if (key !== this.key) this.build(scene, at, store.driving, key);
    this.figures(shown.networks[at.network], at.layer);
    const ask = JSON.stringify([at, shown.step, store.version]);
    if (this.asked !== ask && store.connection === "open") {
      this.asked = ask;
      this.ask.look(at.network, at.layer, at.unit, shown.step);
    }
    if (store.layer && matches(store.layer.asked, at)) this.seen(store.layer.seen, at);
  }

  /** @param {import("./store.js").Scene} scene @param {any} at @param {boolean} driving @param {string} key */
  build(scene, at, driving, key) {
    this.key = key;
    this.drawn = null;
    const network = scene.networks[at.network];
    const title = make("h2", "", say(at.unit ? "detail.unit" : "detail.layer", { ...at, name: called(network.name) }));
    title.id = "detail-title";
    const close = make("button", "close", say("close"));
    close.setAttribute("type", "button");
    close.addEventListener("click", () => this.close());
    this.table = make("table", "figures");
    this.charts = make("div", "histograms");
    this.units = make("div", "units");
    this.note = make("p", "muted");
    const crumbs = make("p", "crumbs");
    if (at.unit) {
      const up = make("button", "", say("detail.up", { layer: at.layer }));
      up.setAttribute("type", "button");
      up.addEventListener("click", () => this.to(null));
      crumbs.append(up);
    }
    this.root.replaceChildren(
      make("div", "card-head", title, close),
      crumbs,
      this.activation(scene, at, driving),
      this.note,
      make("div", "near", this.charts, this.table),
      make("h3", "", say("detail.units")),
      this.units,
    );
    /** @type {HTMLElement} */ (close).focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** @param {number | null} unit */
  to(unit) {
    if (!this.at) return;
    this.at = { ...this.at, unit };
    this.ask.redraw();
  }

  /** The layer's own activation. @param {import("./store.js").Scene} scene @param {any} at @param {boolean} driving */
  activation(scene, at, driving) {
    const select = document.createElement("select");
    select.append(...this.choices.activations.map((name) => new Option(name, name)));
    const network = scene.networks[at.network];
    select.value = network.activations[at.layer - 1];
    select.disabled = !driving;
    select.addEventListener("change", () => {
      const names = activations(network.activations.join(","), network.widths.length);
      names[at.layer - 1] = select.value;
      this.ask.set({ [`${at.network ? "b." : ""}act`]: written(names) });
    });
    return make("label", "field", make("span", "", say("detail.activation")), select);
  }

  /** @param {import("./story.js").NetworkFrame} frame @param {number} layer */
  figures(frame, layer) {
    const row = (/** @type {string[]} */ [name, formula], /** @type {(v: any) => string} */ shown) =>
      make("tr", "", make("th", "", say(`gauge.${name}`)), make("td", "formula", formula), make("td", "", shown(frame.gauges[name][layer - 1])));
    const head = make("tr", "", ...["gauge", "formula", "value"].map((name) => make("th", "", say(`table.${name}`))));
    const body = make("tbody", "", ...FORMULAS.map((one) => row(one, number)), ...SHARES.map((one) => row(one, percent)));
    body.querySelectorAll("th").forEach((cell) => (cell.scope = "row"));
    this.table?.replaceChildren(make("thead", "", head), body);
  }

  /** @param {any} seen @param {any} at */
  seen(seen, at) {
    if (!seen.histograms || this.drawn === seen) return;
    this.drawn = seen;
    if (this.note) this.note.textContent = say("detail.step", { step: seen.step });
    this.charts?.replaceChildren(
      ...["z", "slope", "delta", "weight"].map((name) => histogram(name, seen.histograms[name])),
    );
    this.units?.replaceChildren(
      ...seen.units.delta.map((/** @type {number} */ size, /** @type {number} */ place) => {
        const cell = make("button", seen.units.dead[place] ? "dead" : "");
        cell.setAttribute("type", "button");
        cell.style.setProperty("--size", String(size));
        cell.setAttribute("aria-label", say("detail.to_unit", { unit: place + 1, size: number(size) }));
        cell.setAttribute("aria-pressed", String(at.unit === place + 1));
        cell.addEventListener("click", () => this.to(place + 1));
        return cell;
      }),
    );
  }
}

/** @param {any} asked @param {any} at */
function matches(asked, at) {
  return asked.network === at.network && asked.layer === at.layer && asked.unit === at.unit;
}

/** @param {string} name @param {any} one */
function histogram(name, one) {
  const most = Math.max(...one.counts, 1);
  const bars = make("div", "bins", ...one.counts.map((/** @type {number} */ count) => {
    const bar = make("i", "");
    bar.style.setProperty("--count", String(count / most));
    return bar;
  }));
  const told = say("histogram", { name: say(`signal.${name}`), low: number(one.low), high: number(one.high), mean: number(one.mean), std: number(one.std) });
  bars.setAttribute("role", "img");
  bars.setAttribute("aria-label", told);
  const ends = make("div", "ends", make("span", "", number(one.low)), make("span", "", number(one.high)));
  return make("figure", "", make("figcaption", "", say(`signal.${name}`)), bars, ends);
}
