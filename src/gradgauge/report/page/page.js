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

  const parameters = (meta) => meta.steps ? [{ name: meta.parameter, value: meta.steps[0] }] : [];

  const draw = async (host, chart, panel) => {
    const spec = structuredClone(panel);
    const axis = chart.usermeta.axis ?? AXIS;
    const width = Math.max(120, Math.floor(host.clientWidth) - axis - LEFT - RIGHT);
    fit(spec, width);
    const whole = {
      ...spec, $schema: chart.$schema, data: chart.data, background: "transparent",
      params: parameters(chart.usermeta),
      padding: { left: LEFT, right: 0, top: 4, bottom: 4 },
      config: { ...chart.config, font: getComputedStyle(document.body).fontFamily },
    };
    try {
      const { view } = await vegaEmbed(host, whole, { renderer: "svg", actions: false, tooltip: { theme: "custom" } });
      // The panels' text alternative stands on their box: what Vega says of its parts is silenced.
      host.querySelector("svg").setAttribute("aria-hidden", "true");
      return view;
    } catch (error) {
      console.error(error);
      host.textContent = texts.chart_failed;
      return null;
    }
  };

  // A box of panels, drawn anew when its width changes.
  const box = (element, chart, panels) => {
    const meta = chart.usermeta;
    element.classList.add(meta.wide ? "wide" : panels.length === 1 ? "single" : "several");
    const hosts = panels.map(() => Object.assign(document.createElement("div"), { className: "panel" }));
    element.append(...hosts);
    return { element, chart, panels, hosts, width: 0, views: [], at: meta.steps?.[0] };
  };
  const put = (entry) => Promise.all(entry.views.map((view) => view?.signal(entry.chart.usermeta.parameter, entry.at).runAsync()));
  const boxes = [];
  const drawAll = async () => {
    for (const entry of boxes) {
      if (entry.element.clientWidth === entry.width) continue;
      entry.width = entry.element.clientWidth;
      entry.views = await Promise.all(entry.panels.map((panel, at) => draw(entry.hosts[at], entry.chart, panel)));
      if (entry.at !== undefined) await put(entry);
    }
  };

  // The slider over the probes moves the marker in the heat maps and the panels under it.
  const step = (stepper, entries) => {
    const input = stepper.querySelector("input"), output = stepper.querySelector("output");
    const told = JSON.parse(input.dataset.told);
    stepper.hidden = false;
    input.addEventListener("input", () => {
      const at = Number(input.value);
      output.textContent = told[at];
      input.setAttribute("aria-valuetext", told[at]);
      for (const entry of entries) {
        entry.at = entry.chart.usermeta.steps[at];
        put(entry);
      }
    });
  };

  // A chart as a file: the whole picture with title and legend, or the figures that it draws.
  const picture = (entry) => {
    const { chart } = entry, { $schema, data, config, usermeta: meta } = chart;
    const { title, legend, ink } = meta.picture;
    const panels = { concat: structuredClone(chart.hconcat), columns: 2, spacing: chart.spacing };
    return {
      $schema, data, background: "white", padding: 18, spacing: 10, params: parameters(meta),
      title: { text: title, anchor: "start", fontSize: 16, fontWeight: "bold", color: ink, offset: 14 },
      vconcat: legend ? [legend, panels] : [panels],
      config: { ...config, font: "Arial, Helvetica, sans-serif" },
    };
  };
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = ({ data, usermeta }) => [usermeta.columns.join(",")].concat(data.values.map((row) =>
    usermeta.columns.map((key) => cell(key === "value" && row.state === "not-finite" ? row.shown : row[key])).join(","),
  )).join("\n") + "\n";
  const file = async (entry, kind) => {
    if (kind === "csv") return URL.createObjectURL(new Blob([csv(entry.chart)], { type: "text/csv" }));
    const host = document.createElement("div");
    const { view, finalize } = await vegaEmbed(host, picture(entry), { renderer: "svg", actions: false });
    if (entry.at !== undefined) await view.signal(entry.chart.usermeta.parameter, entry.at).runAsync();
    const url = await view.toImageURL(kind, kind === "png" ? 3 : 1);
    finalize();
    return url;
  };
  const downloads = (place, entry) => {
    place.hidden = false;
    place.addEventListener("click", async ({ target }) => {
      const kind = target.dataset?.kind;
      if (!kind) return;
      const href = await file(entry, kind);
      Object.assign(document.createElement("a"), { href, download: `${entry.chart.usermeta.name}.${kind}` }).click();
    });
  };

  for (const figure of document.querySelectorAll("figure")) {
    const source = figure.querySelector('script[type="application/json"]');
    if (!source) continue;
    const chart = JSON.parse(source.textContent);
    const main = box(figure.querySelector(".panels"), chart, chart.hconcat);
    boxes.push(main);
    downloads(figure.querySelector(".downloads"), main);
    const stepper = figure.querySelector(".stepper");
    if (!stepper) continue;
    const profile = box(stepper.querySelector(".panels"), chart, chart.usermeta.profile);
    boxes.push(profile);
    step(stepper, [main, profile]);
  }
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
  drawAll().then(() => { root.dataset.drawn = "true"; });
})();
