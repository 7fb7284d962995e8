// @ts-check
/** All that the page knows: the scene, its frames, and which of them is shown. */
/** @typedef {import("./story.js").NetworkFrame} NetworkFrame */
/** @typedef {{step: number, networks: NetworkFrame[]}} Frame */
/**
 * @typedef {{fragment: string, settings: Record<string, string>, steps: number, per_epoch: number,
 *   data: {name: string, inputs: number, outputs: number, train: number, constant: number | null,
 *     points: number[][] | null},
 *   watched?: boolean,
 *   networks: {name: string, notation: string, names?: string[], parameters: number, widths: number[],
 *     activations: string[], predicted: {delta_decades: number[], signal_spread: number[]}}[],
 *   unknown: Record<string, string>[]}} Scene
 */

export class Store {
  constructor() {
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Frame[]} */
    this.frames = [];
    /** @type {number | null} the step that is held, or null: the newest. */
    this.held = null;
    this.status = "paused";
    this.connection = "connecting";
    this.speed = 10;
    this.driving = false;
    this.own = false;
    this.place = 0;
    this.waiting = 0;
    /** @type {Record<string, string> | null} */
    this.refused = null;
    /** @type {any[]} */
    this.arms = [];
    /** @type {any} */
    this.asked = null;
    /** @type {any} */
    this.layer = null;
    /** @type {[number, number][]} */
    this.arrivals = [];
    this.version = 0;
  }

  /** Take one message of the server's. @param {any} message */
  take(message) {
    const take = /** @type {Record<string, (m: any) => void>} */ ({
      history: (m) => {
        this.clear();
        m.told.forEach((/** @type {any} */ one) => this.take(one));
        m.frames.forEach((/** @type {any} */ one) => this.add(one));
      },
      you: (m) => Object.assign(this, { driving: m.driving, own: m.own }),
      opened: (m) => {
        this.clear();
        this.scene = m;
        this.version += 1;
      },
      settings: (m) => {
        if (this.scene) Object.assign(this.scene, { fragment: m.fragment, settings: m.settings });
      },
      refused: (m) => {
        this.refused = m.sentence;
      },
      status: (m) => Object.assign(this, { status: m.status, speed: m.speed }),
      frame: (m) => this.add(m),
      queue: (m) => Object.assign(this, { place: m.place, waiting: m.of }),
      layer: (m) => {
        this.layer = m;
      },
      why: (m) => this.answer(m),
      remedy: (m) => this.answer(m),
      worker: (m) => {
        this.connection = m.state === "restarted" ? "open" : m.state;
        this.asked = null;
      },
    })[message.kind];
    if (take) take(message);
  }

  /** One line of what a question has found. @param {any} message */
  answer(message) {
    if (!("arm" in message) && !message.over) this.arms = [];
    if (message.arm) this.arms.push(message.arm);
    this.asked = { question: message.kind, network: message.network, arms: message.arms, over: Boolean(message.over) };
  }

  clear() {
    this.frames = [];
    this.held = null;
    this.refused = null;
    this.arms = [];
    this.asked = null;
    this.layer = null;
    this.arrivals = [];
  }

  /** @param {Frame} frame */
  add(frame) {
    const last = this.frames[this.frames.length - 1];
    if (last && last.step >= frame.step) this.frames = this.frames.filter((f) => f.step < frame.step);
    this.frames.push(frame);
    this.arrivals.push([performance.now(), frame.step]);
    if (this.arrivals.length > 12) this.arrivals.shift();
  }

  /** The place of the shown frame. */
  get index() {
    if (this.held === null) return this.frames.length - 1;
    const held = this.held;
    let place = 0;
    while (place + 1 < this.frames.length && this.frames[place + 1].step <= held) place += 1;
    return place;
  }

  /** @returns {Frame | undefined} */
  get shown() {
    return this.frames[this.index];
  }

  /** Steps a second, over the newest frames. */
  get pace() {
    if (this.status !== "running" || this.arrivals.length < 3) return null;
    const [t0, s0] = this.arrivals[0];
    const [t1, s1] = this.arrivals[this.arrivals.length - 1];
    return t1 > t0 ? (1000 * (s1 - s0)) / (t1 - t0) : null;
  }

  /** The test accuracy that is known at the shown step. @param {number} network */
  accuracy(network) {
    for (let at = this.index; at >= 0; at -= 1) {
      const value = this.frames[at].networks[network].test_accuracy;
      if (value !== null) return value;
    }
    return null;
  }
}
