"use strict";
/* Draws the figures of the page. Color tokens ("@train/0.2") are CSS variables, so light, dark and paper share one figure;
   traces and layouts that carry a condition show only while the reader's choices meet it. */
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const choices = {};

  const hexToRgba = (hex, alpha) => {
    const part = (from) => parseInt(hex.slice(from, from + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${alpha})`;
  };

  const resolveToken = (text, styles) => {
    if (typeof text !== "string" || text[0] !== "@") return text;
    const [name, alpha] = text.slice(1).split("/");
    const color = styles.getPropertyValue(`--${name}`).trim();
    return alpha === undefined ? color : hexToRgba(color, alpha);
  };

  const resolve = (value, key, styles) => {
    const isColor = /color$/i.test(key);
    if (Array.isArray(value)) {
      if (key === "colorscale") return value.map(([at, color]) => [at, resolveToken(color, styles)]);
      return isColor ? value.map((one) => resolveToken(one, styles)) : value.map((one) => resolve(one, "", styles));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolve(inner, name, styles)]));
    }
    return isColor ? resolveToken(value, styles) : value;
  };

  const merge = (base, change) => {
    const merged = { ...base };
    for (const [key, value] of Object.entries(change)) {
      const nested = value !== null && typeof value === "object" && !Array.isArray(value);
      merged[key] = nested ? merge(merged[key] || {}, value) : value;
    }
    return merged;
  };

  const holds = (condition) => Object.entries(condition).every(([name, value]) => choices[name] === value);

  const build = (figure) => {
    const styles = getComputedStyle(document.documentElement);
    const data = figure.data.map((trace, index) => ({ ...trace, visible: holds(figure.when[index]) }));
    const changes = figure.variants.filter((variant) => holds(variant.when)).map((variant) => variant.layout);
    const layout = changes.reduce(merge, figure.layout);
    return [resolve(data, "", styles), resolve(layout, "", styles)];
  };

  const config = (figure) => ({
    responsive: true,
    displaylogo: false,
    showTips: false,
    displayModeBar: figure.compact ? false : "hover",
    modeBarButtons: [["toImage"]],
    doubleClick: false,
    scrollZoom: false,
  });

  const draw = (figure) => {
    const place = document.getElementById(figure.id);
    const [data, layout] = build(figure);
    if (document.documentElement.classList.contains("paper")) layout.width = place.clientWidth;
    return Plotly.react(place, data, layout, config(figure));
  };

  const drawAll = (chosen) => Promise.all(chosen.map(draw));

  const dependsOn = (figure, name) =>
    figure.when.some((one) => name in one) || figure.variants.some((variant) => name in variant.when);

  const choose = (name, value) => {
    choices[name] = value;
    drawAll(figures.filter((figure) => dependsOn(figure, name)));
  };

  for (const input of document.querySelectorAll("[data-choice]")) {
    const name = input.dataset.choice;
    const checked = input.querySelector("input:checked");
    choices[name] = checked ? checked.value : input.value;
    input.addEventListener("change", (event) => choose(name, event.target.value));
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(figures));

  /* Paper: light colors, the width of a page, and nothing folded away. */
  const paper = (printing) => {
    document.documentElement.classList.toggle("paper", printing);
    for (const fold of document.querySelectorAll("details")) {
      if (printing) fold.dataset.was = fold.open ? "open" : "";
      fold.open = printing || fold.dataset.was === "open";
    }
    drawAll(figures);
    if (!printing) for (const figure of figures) Plotly.Plots.resize(figure.id);
  };
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));

  drawAll(figures).then(() => {
    document.documentElement.dataset.drawn = String(figures.length);
  });
})();
