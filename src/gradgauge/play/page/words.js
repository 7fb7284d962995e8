// @ts-check
/** Texts in the reader's language, and numbers as people say them. */

/** @type {Record<string, Record<string, string>>} */
let catalogue = {};
let language = "en";

/** @param {Record<string, Record<string, string>>} texts @param {string} lang */
export function speak(texts, lang) {
  catalogue = texts;
  language = lang in texts ? lang : "en";
}

/** The language spoken now. @returns {string} */
export function lang() {
  return language;
}

/**
 * The sentence of a key, its placeholders filled: `{value}`, or `{value:%}` for a share.
 * @param {string} key
 * @param {Record<string, string | number>} [facts]
 * @returns {string}
 */
export function say(key, facts = {}) {
  const text = (catalogue[language] ?? {})[key] ?? key;
  return text.replace(/\{(\w+)(:%)?\}/g, (_, name, share) => written(facts[name] ?? "", Boolean(share)));
}

/** @param {string | number} fact @param {boolean} share @returns {string} */
function written(fact, share) {
  if (typeof fact === "string") return fact;
  if (share) return fact !== 0 && Math.abs(fact) < 1e-4 ? number(fact) : `${number(100 * fact)}%`;
  return Number.isInteger(fact) ? String(fact) : number(fact);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A power of ten: 10⁻⁶, 1. @param {number} exponent @returns {string} */
export function power(exponent) {
  if (exponent === 0) return "1";
  const digits = [...String(Math.abs(exponent))].map((d) => SUPERSCRIPTS[Number(d)]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/**
 * A number with three digits: 0.237, 1.73×10⁻¹³.
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3)));
  const exponent = Math.floor(Math.log10(size));
  const mantissa = Number((value / 10 ** exponent).toPrecision(3));
  return `${mantissa}×${power(exponent)}`;
}

/** A share: 20.5 %. @param {number | null | undefined} value @returns {string} */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)}%`;
}

/**
 * A count with one significant digit, two where the first is a 1, as `compare` writes it.
 * @param {number} value
 * @returns {string}
 */
export function count(value) {
  const exponent = Math.floor(Math.log10(value));
  if (exponent > 9) return power(Math.round(Math.log10(value)));
  const lead = value / 10 ** exponent;
  const digits = Math.round(lead) === 1 || Math.round(lead) === 10 ? 1 : 0;
  const rounded = Number(`${lead.toFixed(digits)}e${exponent}`);
  if (rounded < 10) return String(Number(rounded.toFixed(1)));
  if (language === "ko") {
    for (const [unit, name] of /** @type {[number, string][]} */ ([[1e8, "억"], [1e4, "만"]])) {
      if (rounded >= unit) return `${Number((rounded / unit).toFixed(1)).toLocaleString("en")}${name}`;
    }
  }
  return Math.round(rounded).toLocaleString("en");
}

/** What a factor of so many decades is called: 1/1,600,000. @param {number} decades */
export function part(decades) {
  return say("part", { count: count(10 ** Math.abs(decades)) });
}

/** A network's name in a sentence: its activation, or its letter. @param {string} name @returns {string} */
export function called(name) {
  return name.length === 1 ? say("network", { letter: name.toUpperCase() }) : name;
}
