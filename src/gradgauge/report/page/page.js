"use strict";
(() => {
  const texts = JSON.parse(document.getElementById("texts").textContent);
  const root = document.documentElement;
  const AXIS = texts.axis_width, LEFT = 2, RIGHT = 14;

  // Light or dark: the system's choice until the reader makes one.
  const button = document.getElementById("theme");
  const remember = (theme) => { try { localStorage.setItem("gradgauge-theme", theme); } catch { /* a page opened as a file may not store */ } };
  const recall = () => { try { return localStorage.getItem("gradgauge-theme"); } catch { return null; } };
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const stored = recall();
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  const say = () => button.setAttribute("aria-pressed", String(dark()));
  button.hidden = false;
  say();
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    remember(root.dataset.theme);
    say();
  });

  // A title breaks into lines where its panel is too narrow for it.
  const breadth = (text, size) => [...text].reduce((sum, c) => sum + (c.codePointAt(0) > 0x2e80 ? 0.95 : 0.54) * size, 0);
  const wrap = (text, width, size) => {
    const lines = [];
    for (const word of text.split(" ")) {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      if (lines.length && breadth(longer, size) <= width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines.length > 1 ? lines : text;
  };
  const fit = (spec, width) => {
    if (typeof spec.title === "string") spec.title = { text: wrap(spec.title, width, 12) };
    if (spec.vconcat) { spec.vconcat.forEach((part) => fit(part, width)); return; }
    spec.width = width;
    for (const layer of spec.layer ?? []) {
      const legend = layer.encoding?.color?.legend;
      if (legend) legend.gradientLength = Math.min(legend.gradientLength, width - 10);
    }
  };

  const draw = async (host, chart, panel) => {
    const spec = structuredClone(panel);
    const width = Math.max(120, Math.floor(host.clientWidth) - AXIS - LEFT - RIGHT);
    fit(spec, width);
    const whole = {
      ...spec, $schema: chart.$schema, data: chart.data, background: "transparent",
      padding: { left: LEFT, right: 0, top: 4, bottom: 4 },
      config: { ...chart.config, font: getComputedStyle(document.body).fontFamily },
    };
    try {
      await vegaEmbed(host, whole, { renderer: "svg", actions: false, tooltip: { theme: "custom" } });
    } catch (error) {
      console.error(error);
      host.textContent = texts.chart_failed;
    }
  };

  const charts = [...document.querySelectorAll(".panels")].map((box) => ({
    box, chart: JSON.parse(box.nextElementSibling.textContent), width: 0,
  }));
  for (const { box, chart } of charts) {
    box.classList.add(chart.usermeta?.wide ? "wide" : chart.hconcat.length === 1 ? "single" : "several");
    for (const _ of chart.hconcat) box.append(Object.assign(document.createElement("div"), { className: "panel" }));
  }
  const drawAll = async () => {
    for (const entry of charts) {
      if (entry.box.clientWidth === entry.width) continue;
      entry.width = entry.box.clientWidth;
      const hosts = [...entry.box.children];
      await Promise.all(entry.chart.hconcat.map((panel, at) => draw(hosts[at], entry.chart, panel)));
    }
  };
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
  drawAll().then(() => { root.dataset.drawn = "true"; });
})();
