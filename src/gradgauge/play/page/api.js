// @ts-check
/** `window.gradgauge`: what the page shows, for programs. */
/** @typedef {import("./store.js").Store} Store */

const LAYER = ["delta_norm", "signal_spread", "slope_gain", "weight_gain", "update_ratio"];

/**
 * @param {Store} store @param {Record<string, string>} page settings of the page
 * @returns {Record<string, unknown>}
 */
export function state(store, page) {
  const { scene, shown } = store;
  const networks = scene && shown ? scene.networks.map((network, at) => told(store, network, at)) : [];
  const findings = shown
    ? shown.networks.flatMap((frame, at) =>
        frame.findings.map((one) => ({ rule: one.rule, layer: one.layer, network: scene?.networks[at].name })),
      )
    : [];
  return {
    status: store.refused ? "failed" : store.status,
    step: shown?.step ?? 0,
    steps: scene?.steps ?? 0,
    settings: { ...scene?.settings, ...page },
    networks,
    findings,
  };
}

/** @param {Store} store @param {any} network @param {number} at */
function told(store, network, at) {
  const frame = /** @type {import("./store.js").Frame} */ (store.shown).networks[at];
  return {
    name: network.name,
    notation: network.notation,
    train_loss: frame.loss,
    test_accuracy: store.accuracy(at),
    layers: frame.gauges.delta_norm.map((_, layer) =>
      Object.fromEntries([["layer", layer + 1], ...LAYER.map((name) => [name, frame.gauges[name][layer]])]),
    ),
  };
}
