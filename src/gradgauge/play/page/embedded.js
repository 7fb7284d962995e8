// @ts-check
/** In a frame: whoever holds the frame says what there is to hear. Nothing is ordered from here. */

export class Embedded {
  /** @param {(message: any) => void} hear @param {(state: string) => void} told */
  constructor(hear, told) {
    this.hear = hear;
    this.told = told;
  }

  open() {
    addEventListener("message", (event) => {
      if (event.source !== parent || typeof event.data?.gradgauge !== "string") return;
      this.hear(JSON.parse(event.data.gradgauge));
    });
    this.told("open");
    this.hear({ kind: "you", driving: false, own: false });
    parent.postMessage({ gradgauge: "ready" }, "*");
  }

  /** Nobody is there to obey. @param {Record<string, unknown>} _order */
  send(_order) {}
}
