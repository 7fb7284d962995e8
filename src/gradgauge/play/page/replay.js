// @ts-check
/** A server that is not there: plays the frames that the page carries. */
/** @typedef {import("./store.js").Store} Store */

export class Replay {
  /** @param {any} history @param {(message: any) => void} hear @param {(state: string) => void} told */
  constructor(history, hear, told) {
    this.history = history;
    this.hear = hear;
    this.told = told;
    this.at = 0;
    this.speed = 10;
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  open() {
    const told = this.history.told.filter((/** @type {any} */ one) => one.kind !== "status");
    this.told("open");
    this.hear({ kind: "you", driving: true, own: false });
    this.hear({ kind: "history", told, frames: [] });
    this.next();
    this.run(true);
  }

  /** @param {Record<string, any>} order */
  send(order) {
    const orders = /** @type {Record<string, () => void>} */ ({
      play: () => this.run(true),
      pause: () => this.run(false),
      step: () => {
        this.run(false);
        this.next();
      },
      reset: () => {
        this.at = 0;
        this.hear({ kind: "history", told: this.history.told.filter((/** @type {any} */ one) => one.kind !== "status"), frames: [] });
        this.next();
        this.run(false);
      },
      speed: () => {
        this.speed = order.frames;
        this.run(this.timer !== undefined);
      },
    });
    orders[order.order]?.();
  }

  next() {
    const frame = this.history.frames[this.at];
    if (frame) this.hear(frame);
    this.at += 1;
  }

  /** @param {boolean} on */
  run(on) {
    clearInterval(this.timer);
    this.timer = undefined;
    const over = this.at >= this.history.frames.length;
    if (on && over) this.send({ order: "reset" });
    if (on) this.timer = setInterval(() => this.tick(), 1000 / this.speed);
    this.hear({ kind: "status", status: on ? "running" : this.at >= this.history.frames.length ? "done" : "paused", speed: this.speed });
  }

  tick() {
    this.next();
    if (this.at >= this.history.frames.length) this.run(false);
  }
}
