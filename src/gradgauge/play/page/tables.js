// @ts-check
/** The table twin of the ladders: every figure of the shown step. */
/** @typedef {import("./store.js").Store} Store */
import { make } from "./ladder.js";
import { called, number, say } from "./words.js";

const COLUMNS = ["delta_norm", "slope_gain", "weight_gain", "signal_spread", "update_ratio", "saturated", "dead"];

/** @param {HTMLElement} root @param {Store} store */
export function drawTables(root, store) {
  const { scene, shown } = store;
  if (!scene || !shown) return;
  root.replaceChildren(...scene.networks.map((network, at) => table(called(network.name), shown.networks[at], shown.step)));
}

/** @param {string} name @param {import("./story.js").NetworkFrame} frame @param {number} step */
function table(name, frame, step) {
  const head = make("tr", "", ...["layer", ...COLUMNS].map((key) => make("th", "", say(`gauge.${key}`))));
  const rows = frame.gauges.delta_norm.map((_, at) =>
    make("tr", "", make("th", "", String(at + 1)), ...COLUMNS.map((key) => make("td", "", number(frame.gauges[key][at])))),
  );
  const whole = make("table", "", make("caption", "", say("tables.caption", { name, step })), make("thead", "", head), make("tbody", "", ...rows));
  const scroll = make("div", "scroll", whole);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", say("tables.caption", { name, step }));
  return scroll;
}
