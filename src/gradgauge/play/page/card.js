// @ts-check
/** One network: its controls, its two ladders, what happens to it. */
/** @typedef {import("./store.js").Store} Store */
import { fill, networkFields } from "./fields.js";
import { Ladder, make } from "./ladder.js";
import { story } from "./story.js";
import { drawSurface } from "./surface.js";
import { number, percent, say } from "./words.js";

/** A card's heading, from the moment on that there is a network. @param {any} scene @param {number} at */
function called(scene, at) {
  const network = scene.networks[at];
  return scene.watched ? network.name : heading(network, scene.settings, at);
}

export class Card {
  /**
   * @param {number} network @param {any} choices @param {() => Store} store
   * @param {import("./fields.js").Change} change
   * @param {{look: (layer: number) => void, ask: (question: string) => void}} ask
   */
  constructor(network, choices, store, change, ask) {
    this.network = network;
    this.ladder = new Ladder(network, ask.look);
    this.title = make("h2", "", called(store().scene, network));
    this.accuracy = make("p", "accuracy");
    this.story = make("p", "story");
    this.story.setAttribute("aria-live", "off");
    this.finding = make("div", "finding");
    this.surface = document.createElement("canvas");
    Object.assign(this.surface, { width: 256, height: 256, className: "surface", hidden: true });
    this.surface.setAttribute("role", "img");
    this.surface.setAttribute("aria-label", say("surface"));
    this.questions = ["why", "remedy"].map((question) => {
      const button = /** @type {HTMLButtonElement} */ (make("button", "why", say(`question.${question}.ask`)));
      button.type = "button";
      button.dataset.hide = question;
      button.addEventListener("click", () => ask.ask(question));
      return button;
    });
    this.asking = make("div", "questions", ...this.questions);
    this.fields = networkFields(network, choices, store, change);
    this.root = make(
      "article",
      `card ${network ? "b" : "a"}`,
      make("div", "card-head", this.title, this.accuracy),
      this.fields,
      this.story,
      this.ladder.root,
      legend(),
      this.surface,
      this.finding,
      this.asking,
    );
  }

  /** @param {Store} store @param {any} scales */
  draw(store, scales) {
    const { scene, shown } = store;
    if (!scene || !shown) return;
    const network = scene.networks[this.network];
    const frame = shown.networks[this.network];
    this.title.textContent = called(scene, this.network);
    const known = store.accuracy(this.network);
    this.accuracy.replaceChildren(
      make("strong", "", percent(known)),
      make("span", "", ` ${say("test_accuracy")}`),
    );
    this.accuracy.hidden = known === null;
    this.story.textContent = story(frame, {
      step: shown.step,
      steps: scene.steps,
      accuracy: known,
      constant: scene.data.constant,
    });
    this.ladder.draw(store, scales);
    this.finding.replaceChildren(...frame.findings.slice(0, 1).map((one) => told(one)));
    for (const button of this.questions) button.disabled = !store.driving;
    this.fields.hidden = this.asking.hidden = Boolean(scene.watched);
    if (!scene.watched) fill(this.fields, scene.settings, this.network ? "b." : "", store.driving);
    this.surface.hidden = !frame.surface || !scene.data.points;
    if (frame.surface && scene.data.points) drawSurface(this.surface, frame.surface, scene.data.points);
  }
}

const OWN = ["init", "scale", "norm", "skip", "opt", "lr", "momentum", "clip"];

/**
 * What a network is, and in what it differs from the other one.
 * @param {{widths: number[], activations: string[]}} network
 * @param {Record<string, string>} settings @param {number} at
 */
function heading(network, settings, at) {
  const kinds = [...new Set(network.activations)].join(" + ");
  const sizes = [...new Set(network.widths)];
  const size = sizes.length === 1 ? `${network.widths.length} × ${sizes[0]}` : settings[at ? "b.net" : "net"];
  const own = OWN.filter((key) => "b.act" in settings && settings[key] !== settings[`b.${key}`]);
  const told = own.map((key) => `${say(`field.${key}`)} ${settings[at ? `b.${key}` : key]}`);
  return [kinds, size, ...told].join(" · ");
}

function legend() {
  const entry = (/** @type {string} */ kind) => make("li", "", make("i", kind), say(`legend.${kind}`));
  return make("ul", "legend", entry("bar"), entry("first"), entry("theory"));
}

/** A finding, with the rule's formula and its limit. @param {any} finding */
function told(finding) {
  const key = finding.rule.replaceAll("-", "_");
  const facts = { layer: finding.layer, value: finding.value, limit: finding.limit };
  return make(
    "details",
    "",
    make("summary", "", make("strong", "", say(`finding.${key}.title`)), ` ${say(`finding.${key}.now`, facts)}`),
    make("p", "formula", say(`finding.${key}.formula`)),
    make("p", "", say("finding.limit", { ...facts, source: finding.source })),
  );
}
