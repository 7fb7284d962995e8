// @ts-check
/** A cell's view: the page in a frame, and what the kernel says handed on to it. */

/** What has been said since the model was made known here: a view that comes later misses nothing. */
/** @param {{ model: any }} _ */
function initialize({ model }) {
  /** @type {string[]} */
  const lines = [];
  model.gradgaugeLines = lines;
  const hear = (/** @type {any} */ message) => lines.push(message.line);
  model.on("msg:custom", hear);
  return () => model.off("msg:custom", hear);
}

/** @param {{ model: any, el: HTMLElement }} _ */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "gradgauge play";
  frame.style.cssText = `width: 100%; border: 0; height: ${model.get("height")}px`;
  // Scripts alone: the page reads nothing of the notebook's, nor of its origin's.
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  const say = (/** @type {string} */ line) => frame.contentWindow?.postMessage({ gradgauge: line }, "*");
  let ready = false;
  const greeted = (/** @type {MessageEvent} */ event) => {
    if (event.source !== frame.contentWindow || event.data?.gradgauge !== "ready") return;
    ready = true;
    if (model.get("history")) say(model.get("history"));
    (model.gradgaugeLines ?? []).forEach(say);
  };
  const hear = (/** @type {any} */ message) => {
    if (ready) say(message.line);
  };
  addEventListener("message", greeted);
  model.on("msg:custom", hear);
  frame.srcdoc = model.get("page");
  el.replaceChildren(frame);
  return () => {
    removeEventListener("message", greeted);
    model.off("msg:custom", hear);
  };
}

export default { initialize, render };
