import assert from "node:assert/strict";
import { test } from "node:test";
import { activations, joined, ofPage, pairs, trained, widths, written } from "#address";
import { place, range, shares } from "#ladder";
import { Store } from "#store";
import { decades, story } from "#story";
import { count, number, part, power, say, speak } from "#words";

const TEXTS = {
  en: {
    part: "1/{count}", "story.lost": "lost {part}", "story.alike": "alike {spread}",
    "story.too_late": "too late {accuracy}", "story.level": "level {part}", "story.broken": "broken {layer}",
    share: "{value:%} of {layer}", plain: "{value} of {layer}", "story.learned": "learned {accuracy}", "story.steady": "steady {count}",
  },
  ko: { part: "{count}분의 1" },
};
speak(TEXTS, "en");

/** A frame of three hidden layers and an output. */
function frame(deltas, spread = 0.3) {
  const spreads = [spread, spread, spread, null];
  return { gauges: { delta_norm: deltas, signal_spread: spreads }, broken: null, findings: [], test_accuracy: null };
}

test("numbers are short and never rounded to nothing", () => {
  assert.equal(number(0.23712), "0.237");
  assert.equal(number(1.7321e-13), "1.73×10⁻¹³");
  assert.equal(number(0), "0");
  assert.equal(number(null), "–");
  assert.equal(power(-6), "10⁻⁶");
  assert.equal(power(0), "1");
});

test("a sentence asks for a share as a percentage", () => {
  assert.equal(say("share", { value: 0.967, layer: 3 }), "96.7% of 3");
  assert.equal(say("share", { value: 2.1e-13, layer: 3 }), "2.1×10⁻¹³ of 3");
  assert.equal(say("plain", { value: 0.9671, layer: "a" }), "0.967 of a");
});

test("factors are said as compare says them", () => {
  assert.equal(count(1497000), "1,500,000");
  assert.equal(count(2.4e6), "2,000,000");
  assert.equal(count(30.2), "30");
  assert.equal(count(1.44), "1.4");
  assert.equal(count(9.96), "10");
  assert.equal(part(-6.1753), "1/1,500,000");
  speak(TEXTS, "ko");
  assert.equal(part(-6.1753), "150만분의 1");
  speak(TEXTS, "en");
});

test("the story follows the step that is shown", () => {
  const start = frame([1e-9, 1e-7, 1e-5, 1e-3], 1e-13);
  const when = { step: 0, steps: 750, accuracy: 0.1, constant: 0.1135 };
  assert.equal(story(start, when), "lost 1/1,000,000 alike 1×10⁻¹³");
  const end = frame([5e-4, 1e-3, 1e-3, 1e-3]);
  assert.equal(story(end, { ...when, step: 750, accuracy: 0.2 }), "level 1/2 too late 20.0%");
  assert.equal(story(end, { ...when, step: 750, accuracy: 0.96 }), "level 1/2 learned 96.0%");
  assert.equal(story({ ...end, broken: [3, 2] }, when), "broken 2");
});

test("decades are those of layer 1 against the output", () => {
  assert.ok(Math.abs(decades(frame([1e-9, 1, 1, 1e-3])) + 6) < 1e-12);
  assert.equal(decades(frame([0, 1, 1, 1])), -Infinity);
  assert.ok(Number.isNaN(decades(frame([null, 1, 1, null]))));
});

test("an address in pairs and back", () => {
  const all = pairs("#v=1&net=64x10&lr=1e-3,412:1e-4&hide=lr&lang=ko");
  assert.equal(joined(all), "v=1&net=64x10&lr=1e-3,412:1e-4&hide=lr&lang=ko");
  assert.deepEqual(ofPage(all), { hide: "lr", lang: "ko" });
  assert.equal(joined(trained(all)), "v=1&net=64x10&lr=1e-3,412:1e-4");
  assert.deepEqual(pairs("#%E0%A4%A=1&=2&x"), { "%E0%A4%A": "1" });
});

test("layers in groups and one by one", () => {
  assert.deepEqual(widths("64x2-32"), [64, 64, 32]);
  assert.deepEqual(activations("sigmoid*2,relu", 3), ["sigmoid", "sigmoid", "relu"]);
  assert.deepEqual(activations("tanh", 2), ["tanh", "tanh"]);
  assert.equal(written(["a", "a", "b"]), "a*2,b");
  assert.equal(written(["a", "a"]), "a");
});

test("bars on a logarithmic scale", () => {
  const scale = range([1, 1e-6, 0, null]);
  assert.deepEqual(scale, { low: -6, high: 0 });
  assert.equal(place(1, scale), 1);
  assert.ok(Math.abs(place(1e-3, scale) - 0.5) < 1e-12);
  assert.equal(place(0, scale), 0);
  assert.equal(place(null, scale), 0);
  assert.deepEqual(shares(frame([1e-4, 1e-3, null, 1e-2])), [0.01, 0.1, null, 1]);
});

test("the store holds a step, and forgets what a step back makes wrong", () => {
  const store = new Store();
  for (const step of [0, 5, 10]) store.take({ kind: "frame", step, networks: [frame([1, 1, 1, 1])] });
  assert.equal(store.shown.step, 10);
  store.held = 7;
  assert.equal(store.shown.step, 5);
  store.held = null;
  store.take({ kind: "frame", step: 5, networks: [frame([1, 1, 1, 1])] });
  assert.deepEqual(store.frames.map((one) => one.step), [0, 5]);
  store.take({ kind: "opened", settings: {}, networks: [], unknown: [] });
  assert.equal(store.frames.length, 0);
});
