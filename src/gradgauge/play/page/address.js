// @ts-check
/** The text behind `#`: pairs of keys and values, in both directions. */

export const PAGE_KEYS = ["hide", "lesson", "lang"];

/** @param {string} hash @returns {Record<string, string>} */
export function pairs(hash) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const word of hash.replace(/^#/, "").split("&")) {
    const at = word.indexOf("=");
    if (at > 0) found[decoded(word.slice(0, at))] = decoded(word.slice(at + 1));
  }
  return found;
}

/** @param {string} text @returns {string} */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {Record<string, string>} settings @returns {string} */
export function joined(settings) {
  return Object.entries(settings)
    .filter(([, value]) => value !== "" && value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join("&");
}

/** Settings that are trained, without those of the page. @param {Record<string, string>} settings */
export function trained(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !PAGE_KEYS.includes(key)));
}

/** Settings of the page alone. @param {Record<string, string>} settings */
export function ofPage(settings) {
  return Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => PAGE_KEYS.includes(key) && value),
  );
}

/** `64x9-32` as widths. @param {string} net @returns {number[]} */
export function widths(net) {
  return net.split("-").flatMap((piece) => {
    const [width, times] = piece.split("x");
    return Array(Number(times ?? 1)).fill(Number(width));
  });
}

/** `sigmoid*9,relu` as a name a layer. @param {string} act @param {number} depth @returns {string[]} */
export function activations(act, depth) {
  const names = act.split(",").flatMap((piece) => {
    const [name, times] = piece.split("*");
    return Array(Number(times ?? 1)).fill(name);
  });
  return names.length === 1 ? Array(depth).fill(names[0]) : names;
}

/** A name a layer as `sigmoid*9,relu`. @param {string[]} names @returns {string} */
export function written(names) {
  if (new Set(names).size === 1) return names[0];
  /** @type {[string, number][]} */
  const runs = [];
  for (const name of names) {
    const last = runs[runs.length - 1];
    if (last && last[0] === name) last[1] += 1;
    else runs.push([name, 1]);
  }
  return runs.map(([name, times]) => (times > 1 ? `${name}*${times}` : name)).join(",");
}
