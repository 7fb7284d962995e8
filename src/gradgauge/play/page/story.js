// @ts-check
/** What happens to one network at one step, in one sentence. */
import { count, number, part, percent, say } from "./words.js";

const MUCH = 2;
const ALIKE = 1e-6;
const LATE = 0.5;
const BARELY = 2.5;

/**
 * @typedef {{loss: number | null, accuracy: number | null, test_accuracy: number | null,
 *   gauges: Record<string, (number | null)[]>, bands?: Record<string, (number | null)[][]>,
 *   findings: {rule: string, layer: number, value: number, limit: number, source: string}[],
 *   broken: [number, number] | null, surface?: string}} NetworkFrame
 */

/**
 * How many decades the error signal changes on its way to layer 1; NaN where nothing is known.
 * @param {NetworkFrame} frame
 * @returns {number}
 */
export function decades(frame) {
  const deltas = frame.gauges.delta_norm;
  const first = deltas[0];
  const last = deltas[deltas.length - 1];
  if (first === null || last === null || !last) return NaN;
  return first === 0 ? -Infinity : Math.log10(first / last);
}

/**
 * @param {NetworkFrame} frame
 * @param {{step: number, steps: number, accuracy: number | null, constant: number | null}} when
 *   the step shown, all steps, the test accuracy known by then, and that of a constant answer.
 * @returns {string}
 */
export function story(frame, when) {
  if (frame.broken) return say("story.broken", { step: frame.broken[0], layer: frame.broken[1] });
  const change = decades(frame);
  const said = [signal(change)];
  const spread = frame.gauges.signal_spread[frame.gauges.signal_spread.length - 2];
  if (spread !== null && spread < ALIKE) said.push(say("story.alike", { spread: number(spread) }));
  const late = when.step >= LATE * when.steps;
  if (late && when.accuracy !== null && when.constant !== null) {
    const poor = when.accuracy < Math.min(BARELY * when.constant, 0.9);
    const kind = !poor ? "learned" : change > -MUCH ? "too_late" : "nothing_learned";
    said.push(say(`story.${kind}`, { accuracy: percent(when.accuracy) }));
  }
  return said.join(" ");
}

/** @param {number} change decades @returns {string} */
function signal(change) {
  if (Number.isNaN(change)) return say("story.unmeasured");
  if (change === -Infinity) return say("story.nothing");
  if (change <= -MUCH) return say("story.lost", { part: part(change) });
  if (change >= MUCH) return say("story.grown", { count: count(10 ** change) });
  return change < 0 ? say("story.level", { part: part(change) }) : say("story.steady", { count: count(10 ** change) });
}
