// @ts-check
/** The page: hears, draws, and asks. */
import { joined, ofPage, pairs, trained } from "./address.js";
import { state } from "./api.js";
import { Card } from "./card.js";
import { drawCauses } from "./causes.js";
import { Connection } from "./connection.js";
import { Courses } from "./courses.js";
import { Detail } from "./detail.js";
import { Embedded } from "./embedded.js";
import { drawExports } from "./exports.js";
import { fill, sharedFields } from "./fields.js";
import { make, scales } from "./ladder.js";
import { drawLesson, SCENES } from "./lessons.js";
import { Replay } from "./replay.js";
import { Store } from "./store.js";
import { drawTables } from "./tables.js";
import { say, speak } from "./words.js";

const boot = JSON.parse(byId("boot").textContent ?? "{}");
const store = new Store();
/** @type {Record<string, string>} */
let page = ofPage(pairs(location.hash));
let wanted = joined(trained(pairs(location.hash)));
/** @type {Card[]} */
let cards = [];
let built = "";
let waiting = false;
let asked = false;
let trouble = "";

const line = boot.replay ? new Replay(boot.replay, hear, told) : new (boot.embedded ? Embedded : Connection)(hear, told);
const courses = new Courses(byId("courses"), held);
const detail = new Detail(
  byId("detail"),
  {
    look: (network, layer, unit, step) => line.send({ order: "look", network, layer, unit, step }),
    set,
    redraw,
  },
  boot.choices,
);

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {any} message */
function hear(message) {
  store.take(message);
  if (message.kind === "history" && !boot.replay) greet();
  if (message.kind === "opened" || message.kind === "settings" || message.kind === "history") remember();
  redraw();
}

/** Once: what the address asks for, if it is not what is trained. */
function greet() {
  if (asked) return;
  asked = true;
  if (store.driving && wanted && wanted !== store.scene?.fragment) open(wanted);
}

/** @param {string} connection */
function told(connection) {
  store.connection = connection;
  redraw();
}

/** The address says what is trained. */
function remember() {
  if (!store.scene || store.scene.watched || (!asked && !boot.replay)) return;
  const text = joined({ ...pairs(store.scene.fragment), ...page });
  history.replaceState(null, "", `#${text}`);
}

/** @param {string} fragment */
function open(fragment) {
  trouble = "";
  line.send({ order: "open", fragment });
}

/** Change settings. @param {Record<string, string>} changes */
function set(changes) {
  if (!store.scene) return;
  const settings = trained(store.scene.settings);
  if ("b." in changes) {
    for (const key of Object.keys(settings)) if (key.startsWith("b.")) delete settings[key];
  } else Object.assign(settings, changes);
  if ("net" in changes || "act" in changes) follow(settings, changes);
  open(joined(settings));
}

/** The rates that a training was given on its way are those of that training. @param {Record<string, string>} settings @param {Record<string, string>} changes */
function follow(settings, changes) {
  for (const key of ["lr", "b.lr"]) {
    if (settings[key] && !(key in changes)) settings[key] = settings[key].split(",")[0];
  }
}

/** @param {number} network @param {string} value */
function rate(network, value) {
  line.send({ order: "rate", network, value });
}

/** @param {File} file */
async function own(file) {
  const kind = file.name.toLowerCase().endsWith(".npz") ? "npz" : "csv";
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const answer = await fetch(`data?token=${encodeURIComponent(token)}&kind=${kind}`, { method: "POST", body: file });
  if (answer.ok) set({ data: (await answer.json()).data });
  else wrong(await answer.text());
}

/** Hold a step, or with null follow the newest. @param {number | null} step */
function hold(step) {
  store.held = step;
  redraw();
}

/** Hold a recorded step; at the newest, follow. @param {number} step */
function held(step) {
  const newest = store.frames[store.frames.length - 1]?.step ?? 0;
  hold(step >= newest ? null : step);
}

function redraw() {
  if (waiting) return;
  waiting = true;
  // A page that is not seen is not painted; it draws when it is seen again.
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  const { scene, shown } = store;
  if (scene && `${store.version} ${document.documentElement.lang}` !== built) build(scene);
  transport();
  warnings();
  if (!scene || !shown) return;
  const common = scales(store);
  cards.forEach((card) => card.draw(store, common));
  courses.draw(store);
  detail.draw(store);
  drawCauses(byId("causes"), store);
  if (/** @type {HTMLDetailsElement} */ (byId("tables")).open) drawTables(byId("table-body"), store);
  /** @type {HTMLElement} */ (document.querySelector(".training")).hidden = Boolean(scene.watched);
  if (!scene.watched) fill(byId("shared"), scene.settings, "", store.driving);
}

/** @param {import("./store.js").Scene} scene */
function build(scene) {
  built = `${store.version} ${document.documentElement.lang}`;
  const held = /** @type {HTMLElement | null} */ (document.activeElement);
  const setting = held?.dataset.setting;
  const network = held?.closest(".card.b") ? 1 : 0;
  const opened = [...document.querySelectorAll("details.more")].map((one) => /** @type {HTMLDetailsElement} */ (one).open);
  const change = { set, rate, own };
  cards = scene.networks.map(
    (_, at) =>
      new Card(at, boot.choices, () => store, change, {
        look: (layer) => {
          detail.open(at, layer);
          redraw();
        },
        ask: (question) => line.send({ order: question, network: at }),
      }),
  );
  byId("cards").replaceChildren(...cards.map((card) => card.root));
  document.querySelectorAll("details.more").forEach((one, at) => (/** @type {HTMLDetailsElement} */ (one).open = opened[at] ?? false));
  byId("shared").replaceChildren(...sharedFields(boot.choices, () => store, change));
  byId("causes").dataset.drawn = "";
  drawExports(byId("exports"), store, Boolean(boot.replay), wrong);
  hide();
  if (setting) {
    const place = setting in { data: 1, batch: 1, epochs: 1, seed: 1, seeds: 1, loss: 1, b: 1 } ? byId("shared") : cards[network]?.root;
    /** @type {HTMLElement | null | undefined} */ (place?.querySelector(`[data-setting="${setting}"]`))?.focus({ preventScroll: true });
  }
}

/** Controls that the address takes away. */
function hide() {
  const names = (page.hide ?? "").split(",").filter(Boolean);
  document.querySelectorAll("[data-key], [data-hide]").forEach((element) => {
    const { key, hide: own } = /** @type {HTMLElement} */ (element).dataset;
    const same = { depth: "net", width: "net", acts: "act" }[key ?? ""] ?? key ?? own ?? "";
    element.classList.toggle("taken", names.includes(same));
  });
}

function transport() {
  const { scene, shown, status } = store;
  const playing = status === "running";
  byId("play").textContent = say(playing ? "pause" : status === "done" ? "again" : "play");
  for (const id of ["play", "step", "reset", "speed"]) {
    /** @type {HTMLButtonElement} */ (byId(id)).disabled = !store.driving || store.connection !== "open";
  }
  /** @type {HTMLSelectElement} */ (byId("speed")).value = String(store.speed);
  const scrub = /** @type {HTMLInputElement} */ (byId("scrub"));
  scrub.max = String(scene?.steps || (store.frames[store.frames.length - 1]?.step ?? 0));
  scrub.value = String(shown?.step ?? 0);
  scrub.setAttribute("aria-valuetext", say("state.step", { step: shown?.step ?? 0, steps: scene?.steps ?? 0 }));
  byId("follow").hidden = store.held === null;
  byId("state").textContent = [
    store.connection === "open" ? say(`status.${store.refused ? "failed" : status}`) : say(`connection.${store.connection}`),
    scene ? position(scene, shown?.step ?? 0) : "",
    store.pace ? say("state.pace", { pace: Math.round(store.pace) }) : "",
    store.place ? say("state.queue", { place: store.place, of: store.waiting }) : "",
    store.held === null ? "" : say("state.held"),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {import("./store.js").Scene} scene @param {number} step */
function position(scene, step) {
  return scene.steps ? say("state.step", { step, steps: scene.steps }) : say("state.open", { step });
}

function warnings() {
  const lang = document.documentElement.lang;
  const said = [store.refused, ...(store.scene?.unknown ?? [])].filter(Boolean).map((one) => /** @type {any} */ (one)[lang]);
  notice([...said, trouble].filter(Boolean).join(" "));
}

/** Something that was asked of the server has not been given. @param {string} text */
function wrong(text) {
  trouble = text;
  redraw();
}

/** @param {string} text */
function notice(text) {
  const element = byId("notice");
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

/** @param {"play" | "pause" | "step" | "reset"} what */
function act(what) {
  if (!["play", "pause", "step", "reset"].includes(what)) throw new Error(`do(${what})`);
  store.held = null;
  line.send({ order: what });
}

/** @param {string} lang */
function language(lang) {
  document.documentElement.lang = lang;
  speak(boot.messages, lang);
  document.querySelectorAll("[data-text]").forEach((element) => {
    element.textContent = say(/** @type {HTMLElement} */ (element).dataset.text ?? "");
  });
  document.querySelectorAll("[data-label]").forEach((element) => {
    element.setAttribute("aria-label", say(/** @type {HTMLElement} */ (element).dataset.label ?? ""));
  });
  /** @type {HTMLSelectElement} */ (byId("lang")).value = lang;
  lessons();
  sharing();
  redraw();
}

function lessons() {
  const select = /** @type {HTMLSelectElement} */ (byId("lesson"));
  const names = SCENES.map((_, at) => new Option(say(`lesson.${at + 1}.title`), String(at + 1)));
  select.replaceChildren(new Option(say("lesson.none"), ""), ...names);
  select.value = page.lesson ?? "";
  drawLesson(byId("lesson-sheet"), Number(page.lesson ?? 0), open, () => lesson(""));
}

/** @param {string} number */
function lesson(number) {
  page = { ...page, lesson: number };
  if (!number) delete page.lesson;
  remember();
  lessons();
  if (number && store.driving) open(SCENES[Number(number) - 1]);
}

function sharing() {
  const button = byId("share");
  button.hidden = !boot.share;
  if (!boot.share) return;
  const root = byId("sharing");
  const own = make("button", "", say("share.own"));
  own.setAttribute("type", "button");
  own.addEventListener("click", () => {
    asked = true;
    line.send({ order: store.own ? "back" : "own" });
    own.textContent = say(store.own ? "share.own" : "share.back");
  });
  const code = make("div", "qr");
  code.innerHTML = boot.share.qr;
  const inner = boot.share.qr ? [make("p", "", say("share.text")), code, make("p", "address", boot.share.address)] : [];
  root.replaceChildren(make("h2", "", say("share.open")), ...inner, own);
}

function listen() {
  byId("play").addEventListener("click", () => act(store.status === "running" ? "pause" : "play"));
  byId("step").addEventListener("click", () => act("step"));
  byId("reset").addEventListener("click", () => act("reset"));
  byId("follow").addEventListener("click", () => hold(null));
  byId("tables").addEventListener("toggle", redraw);
  byId("share").addEventListener("click", () => (byId("sharing").hidden = !byId("sharing").hidden));
  const scrub = /** @type {HTMLInputElement} */ (byId("scrub"));
  scrub.addEventListener("input", () => held(Number(scrub.value)));
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
  speed.append(...[1, 2, 5, 10, 20].map((frames) => new Option(`${frames}/s`, String(frames))));
  speed.addEventListener("change", () => line.send({ order: "speed", frames: Number(speed.value) }));
  const lang = /** @type {HTMLSelectElement} */ (byId("lang"));
  lang.addEventListener("change", () => {
    page = { ...page, lang: lang.value };
    remember();
    language(lang.value);
  });
  const select = /** @type {HTMLSelectElement} */ (byId("lesson"));
  select.addEventListener("change", () => lesson(select.value));
  byId("theme").addEventListener("click", theme);
  addEventListener("hashchange", changed);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && detail.at) detail.close();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  redraw();
}

/** Somebody has written another address. */
function changed() {
  const all = pairs(location.hash);
  page = ofPage(all);
  language(page.lang || document.documentElement.lang);
  hide();
  wanted = joined(trained(all));
  if (store.driving && wanted !== store.scene?.fragment) open(wanted);
}

/** @type {any} */ (window).gradgauge = { state: () => state(store, page), do: act };
listen();
language(page.lang && page.lang in boot.messages ? page.lang : boot.lang);
line.open();
