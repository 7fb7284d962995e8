// @ts-check
/** What can be taken home: the replay, Run files, pictures, code. */
/** @typedef {import("./store.js").Store} Store */
import { make } from "./ladder.js";
import { called, say } from "./words.js";

const PICTURES = ["svg", "png", "pdf"];
const FRAMEWORKS = ["keras", "pytorch", "jax"];

/**
 * @param {HTMLElement} root @param {Store} store @param {boolean} replay whether there is no server
 * @param {(text: string) => void} wrong told why something is not given
 */
export function drawExports(root, store, replay, wrong) {
  root.hidden = replay;
  if (replay || !store.scene) return;
  const networks = store.scene.networks;
  const own = store.driving && !store.own && !store.scene.watched;
  const runs = networks.map((network, at) => button(say("export.run", { name: called(network.name) }), () => take("run.nc", { network: String(at) }, `${network.name}.nc`, wrong)));
  const pictures = PICTURES.map((kind) => button(say("export.picture", { kind: kind.toUpperCase() }), () => take(`picture.${kind}`, { lang: document.documentElement.lang }, `gradgauge.${kind}`, wrong)));
  const codes = FRAMEWORKS.map((framework) => button(say(`export.${framework}`), () => code(store, framework)));
  root.replaceChildren(
    make("h3", "", say("export.title")),
    link(),
    ...(own ? [...runs, ...pictures] : []),
    ...(store.scene.watched ? [] : codes),
    make("pre", "code hidden-code"),
  );
}

function token() {
  return new URLSearchParams(location.search).get("token") ?? "";
}

function link() {
  const replay = make("a", "button", say("export.replay"));
  replay.setAttribute("href", `replay.html?token=${encodeURIComponent(token())}`);
  replay.setAttribute("download", "gradgauge-replay.html");
  return replay;
}

/** @param {string} text @param {() => void} press */
function button(text, press) {
  const made = make("button", "", text);
  made.setAttribute("type", "button");
  made.addEventListener("click", press);
  return made;
}

/** Ask for a file, and save it. @param {string} path @param {Record<string, string>} query @param {string} name @param {(text: string) => void} wrong */
async function take(path, query, name, wrong) {
  wrong(say("export.working"));
  const answer = await fetch(`${path}?${new URLSearchParams({ token: token(), ...query })}`);
  if (!answer.ok) {
    wrong(await answer.text());
    return;
  }
  wrong("");
  const url = URL.createObjectURL(await answer.blob());
  const saved = document.createElement("a");
  Object.assign(saved, { href: url, download: name });
  saved.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {Store} store @param {string} framework */
async function code(store, framework) {
  const { scene } = store;
  if (!scene) return;
  const { inputs, outputs } = scene.data;
  const texts = await Promise.all(
    scene.networks.map(async (_, network) => {
      const query = new URLSearchParams({ token: token(), framework, network: String(network), inputs: String(inputs), outputs: String(outputs), settings: scene.fragment });
      return (await fetch(`code?${query}`)).text();
    }),
  );
  const shown = /** @type {HTMLElement} */ (document.querySelector("pre.code"));
  shown.textContent = texts.join("\n\n");
  shown.classList.remove("hidden-code");
  shown.tabIndex = 0;
}
