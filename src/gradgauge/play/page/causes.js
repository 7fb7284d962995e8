// @ts-check
/** Why and Remedy: what is trained beside the network itself, each arm as a pair of small ladders. */
/** @typedef {import("./store.js").Store} Store */
import { make, place, range } from "./ladder.js";
import { called, count, part, percent, say } from "./words.js";

/** @param {HTMLElement} root @param {Store} store */
export function drawCauses(root, store) {
  root.hidden = !store.asked;
  if (!store.asked || !store.scene) return;
  const { question } = store.asked;
  const key = `${question} ${store.asked.network} ${store.arms.length} ${store.asked.over} ${document.documentElement.lang}`;
  if (root.dataset.drawn === key) return;
  root.dataset.drawn = key;
  const name = called(store.scene.networks[store.asked.network].name);
  const title = make("h2", "", say(`question.${question}.title`, { name }));
  title.id = "causes-title";
  const arms = [...store.arms].sort((one, two) => one.place - two.place);
  const state = store.asked.over ? say(`question.${question}.over`) : say(`question.${question}.running`, { done: arms.length, all: store.asked.arms });
  root.replaceChildren(title, make("p", "muted", state), verdict(store.asked, arms), make("div", "arms", ...arms.map((arm) => drawn(question, arm, arms))));
}

const RESCUE = 0.05;

/** What rescues the network, on these seeds. @param {{question: string, over: boolean}} asked @param {any[]} arms */
function verdict(asked, arms) {
  const control = arms.find((arm) => arm.arm === "control");
  if (!control) return make("p", "story");
  const helped = arms
    .filter((arm) => arm.accuracy - control.accuracy >= RESCUE)
    .map((arm) => `${arm.name[document.documentElement.lang]} (${percent(arm.accuracy)})`);
  const facts = { accuracy: percent(control.accuracy), arms: helped.join(", ") };
  return make("p", "story", say(`question.${asked.question}.${ending(asked, arms, helped)}`, facts));
}

/** @param {{question: string, over: boolean}} asked @param {any[]} arms @param {string[]} helped */
function ending(asked, arms, helped) {
  if (helped.length) return "helped";
  return asked.question === "remedy" && asked.over && arms.length === 1 ? "none" : "nothing";
}

/** @param {string} question @param {any} arm @param {any[]} arms */
function drawn(question, arm, arms) {
  const relative = (/** @type {any} */ one) => one.delta_norm.map((/** @type {number | null} */ v) => {
    const last = one.delta_norm[one.delta_norm.length - 1];
    return v === null || !last ? null : v / last;
  });
  const back = range(arms.flatMap(relative));
  const fore = range(arms.flatMap((one) => one.signal_spread));
  const rows = relative(arm).map((/** @type {number | null} */ value, /** @type {number} */ at) => {
    const row = make("div", "mini", make("i", "back"), make("i", "fore"));
    row.style.setProperty("--back", String(place(value, back)));
    row.style.setProperty("--fore", String(place(arm.signal_spread[at], fore)));
    return row;
  });
  const ladder = make("div", "mini-ladder", ...rows);
  ladder.setAttribute("aria-hidden", "true");
  const lang = document.documentElement.lang;
  const arrives = arm.decades === null ? "–" : arm.decades < 0 ? part(arm.decades) : say("times", { count: count(10 ** arm.decades) });
  return make(
    "article",
    `arm ${arm.arm === "control" ? "control" : ""}`,
    make("h3", "", arm.name[lang]),
    make("p", "muted", arm.change[lang]),
    ladder,
    make("p", "", make("strong", "", percent(arm.accuracy)), ` ${say(`question.${question}.arrives`, { part: arrives })}`),
  );
}
