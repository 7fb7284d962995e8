// @ts-check
/** Controls: each is one setting of the address. */
/** @typedef {import("./store.js").Store} Store */
import { activations, widths, written } from "./address.js";
import { make } from "./ladder.js";
import { say } from "./words.js";

/**
 * @typedef {{set: (changes: Record<string, string>) => void, rate: (network: number, value: string) => void,
 *   own: (file: File) => void}} Change
 * @typedef {{activations: string[], initializers: string[], norms: string[], optimizers: string[],
 *   losses: string[], data: string[]}} Choices
 */

/** A control with its label. @param {string} key @param {string} text @param {HTMLElement} control */
function field(key, text, control) {
  const label = make("label", "field", make("span", "", text), control);
  label.dataset.key = key;
  control.dataset.setting = key;
  return label;
}

/** @param {string} key @param {string} text @param {string[]} options @param {(value: string) => void} change */
export function choice(key, text, options, change) {
  const select = document.createElement("select");
  select.append(...options.map((name) => new Option(say(`name.${name}`) === `name.${name}` ? name : say(`name.${name}`), name)));
  select.addEventListener("change", () => change(select.value));
  return field(key, text, select);
}

/**
 * @param {string} key @param {string} text @param {{min?: number, max?: number, step?: string}} limits
 * @param {(value: string) => void} change
 */
export function numeral(key, text, limits, change) {
  const input = document.createElement("input");
  input.type = "number";
  Object.assign(input, { min: limits.min ?? 0, max: limits.max ?? "", step: limits.step ?? "1" });
  input.addEventListener("change", () => input.value !== "" && change(input.value));
  return field(key, text, input);
}

/** @param {string} key @param {string} text @param {(value: string) => void} change */
export function words(key, text, change) {
  const input = document.createElement("input");
  input.type = "text";
  input.spellcheck = false;
  input.autocomplete = "off";
  input.addEventListener("change", () => change(input.value.trim()));
  return field(key, text, input);
}

/** Controls of one network. @param {number} network @param {Choices} choices @param {() => Store} store @param {Change} change */
export function networkFields(network, choices, store, change) {
  const prefix = network ? "b." : "";
  const now = (/** @type {string} */ key) => store().scene?.settings[prefix + key] ?? "";
  const set = (/** @type {string} */ key) => (/** @type {string} */ value) => change.set({ [prefix + key]: value });
  const size = (/** @type {number} */ depth, /** @type {number} */ width) => {
    const names = activations(now("act"), depth);
    const act = new Set(names).size === 1 ? names[0] : activations(now("act"), 1)[0];
    change.set({ [`${prefix}net`]: `${width}x${depth}`, [`${prefix}act`]: names.length === depth ? written(names) : act });
  };
  const first = make(
    "div",
    "fields",
    numeral("depth", say("field.depth"), { min: 1, max: 100 }, (v) => size(Number(v), widths(now("net"))[0])),
    numeral("width", say("field.width"), { min: 1, max: 512 }, (v) => size(widths(now("net")).length, Number(v))),
    choice("act", say("field.act"), choices.activations, set("act")),
    choice("init", say("field.init"), choices.initializers, set("init")),
  );
  const more = make(
    "details",
    "more",
    make("summary", "", say("more")),
    make(
      "div",
      "fields",
      numeral("scale", say("field.scale"), { step: "any" }, set("scale")),
      choice("norm", say("field.norm"), choices.norms, set("norm")),
      numeral("skip", say("field.skip"), { min: 0, max: 100 }, set("skip")),
      choice("opt", say("field.opt"), choices.optimizers, set("opt")),
      numeral("lr", say("field.lr"), { step: "any" }, (value) => change.rate(network, value)),
      numeral("momentum", say("field.momentum"), { step: "any" }, set("momentum")),
      numeral("clip", say("field.clip"), { step: "any" }, set("clip")),
      words("net", say("field.net"), set("net")),
      words("acts", say("field.acts"), set("act")),
    ),
  );
  return make("div", "network-fields", first, more);
}

/** Controls that both networks share. @param {Choices} choices @param {() => Store} store @param {Change} change */
export function sharedFields(choices, store, change) {
  const set = (/** @type {string} */ key) => (/** @type {string} */ value) => change.set({ [key]: value });
  const data = choice("data", say("field.data"), [...choices.data, "own"], (value) => {
    if (value === "own") file.click();
    else change.set({ data: value });
  });
  const file = document.createElement("input");
  Object.assign(file, { type: "file", accept: ".csv,.npz", hidden: true });
  file.setAttribute("aria-label", say("field.own"));
  file.addEventListener("change", () => file.files?.[0] && change.own(file.files[0]));
  const second = document.createElement("input");
  second.type = "checkbox";
  second.addEventListener("change", () => change.set(second.checked ? { "b.act": other(store()) } : { "b.": "" }));
  const both = field("b", say("field.second"), second);
  both.classList.add("check");
  return [
    data,
    file,
    numeral("batch", say("field.batch"), { min: 1 }, set("batch")),
    numeral("epochs", say("field.epochs"), { min: 1, max: 100 }, set("epochs")),
    numeral("seed", say("field.seed"), { min: 0 }, set("seed")),
    numeral("seeds", say("field.seeds"), { min: 1, max: 10 }, set("seeds")),
    choice("loss", say("field.loss"), choices.losses, set("loss")),
    both,
  ];
}

/** What to show beside the first network. @param {Store} store */
function other(store) {
  return store.scene?.settings.act === "relu" ? "sigmoid" : "relu";
}

/**
 * Put the settings into the controls.
 * @param {HTMLElement} root @param {Record<string, string>} settings @param {string} prefix @param {boolean} driving
 */
export function fill(root, settings, prefix, driving) {
  const net = widths(settings[`${prefix}net`] ?? settings.net);
  /** @type {Record<string, string>} */
  const shown = {
    depth: String(net.length),
    width: String(net[0]),
    acts: settings[`${prefix}act`],
    act: activations(settings[`${prefix}act`] ?? "", 1)[0],
    lr: (settings[`${prefix}lr`] ?? "").split(",").pop()?.split(":").pop() ?? "",
    data: (settings.data ?? "").startsWith("own:") ? "own" : settings.data,
  };
  for (const control of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("[data-setting]"))) {
    const key = control.dataset.setting ?? "";
    control.disabled = !driving;
    if (control === document.activeElement && control.type !== "checkbox") continue;
    if (key === "b") control.checked = "b.act" in settings;
    else control.value = shown[key] ?? settings[prefix + key] ?? settings[key] ?? "";
  }
}
