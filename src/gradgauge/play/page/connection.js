// @ts-check
/** The line to the server: opened again when it breaks, and quiet in a replay. */

const FIRST_WAIT = 400;
const LONGEST_WAIT = 5000;

export class Connection {
  /** @param {(message: any) => void} hear @param {(state: string) => void} told */
  constructor(hear, told) {
    this.hear = hear;
    this.told = told;
    this.wait = FIRST_WAIT;
    /** @type {WebSocket | null} */
    this.socket = null;
  }

  open() {
    const token = new URLSearchParams(location.search).get("token") ?? "";
    const address = `ws://${location.host}/live?token=${encodeURIComponent(token)}`;
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.told("open");
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = () => {
      this.told("lost");
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    };
  }

  /** @param {Record<string, unknown>} order */
  send(order) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(order));
  }
}
