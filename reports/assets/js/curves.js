// Training curves: the mean of each row over its seeds, and each seed, thin, behind it.

const MOST_ROWS = 12;
const DASHES = ["solid", "dashed", "dotted"];
const WHAT = [
  ["accuracy", "Validation accuracy", "%", 100],
  ["loss", "Training loss", "", 1],
];

function curves() {
  const phases = unique(runs.flatMap((run) => curvesOf(run).map(([phase]) => phase)));
  if (!phases.length) {
    show(
      $("training-controls"),
      h("p", { class: "small" }, "No training curves are known of these runs."),
    );
    $("training-chart").hidden = true;
    return { show() {} };
  }
  const chosen = { phase: phases[0], what: WHAT[0] };
  let table = null;
  let lines = [];
  const drawing = chart(
    $("training-chart"),
    option,
    (data) => data.row && follow(`#row-${data.row}`),
  );

  function draw() {
    const found = table.lines.filter(
      (line) =>
        line.backbone === chosen.backbone &&
        [ALL, line.attention].includes(chosen.attention) &&
        [ALL, line.pruning].includes(chosen.pruning) &&
        meanCurve(line).length,
    );
    lines = found.slice(0, MOST_ROWS);
    drawing.redraw();
    const left = found.length - lines.length;
    show(
      $("training-legend"),
      lines.map((line, place) =>
        h(
          "a",
          { href: `#row-${line.number}` },
          svg(
            "svg",
            { viewBox: "0 0 24 8", class: "dash", "aria-hidden": "true" },
            svg("path", {
              d: "M0 4H24",
              stroke: stroke(line),
              "stroke-width": 2.5,
              "stroke-dasharray": { solid: null, dashed: "7 4", dotted: "2 3" }[dash(line)],
            }),
          ),
          `${line.attention} · ${line.pruning}`,
          h("span", { class: "aside" }, `n=${seedCurves(line).length}`),
        ),
      ),
      left ? h("span", null, `and ${left} more: choose fewer`) : null,
      lines.length
        ? null
        : h("span", null, `No ${chosen.phase} was trained in these rows; choose another phase.`),
    );
  }

  // Lines of one pruning look as in the figures; of several, each has a dash of its own.
  function dash(line) {
    const prunings = unique(lines.map((one) => one.pruning));
    const own = DASHES[prunings.indexOf(line.pruning) % DASHES.length];
    return prunings.length > 1 ? own : content.points.dashes[line.mark];
  }
  const stroke = (line) => paint(line.mark).edge;

  function seedCurves(line) {
    const [key, , , scale] = chosen.what;
    return (runsOf.get(line.number) ?? [])
      .map((run) => curvesOf(run).find(([phase]) => phase === chosen.phase)?.[1])
      .filter(Boolean)
      .map((points) =>
        points
          .filter((point) => point[key] != null)
          .map((point) => [point.epoch, scale * point[key]]),
      )
      .filter((points) => points.length);
  }

  function meanCurve(line) {
    const sums = new Map();
    for (const [epoch, value] of seedCurves(line).flat()) {
      const [sum, n] = sums.get(epoch) ?? [0, 0];
      sums.set(epoch, [sum + value, n + 1]);
    }
    return [...sums].sort(([a], [b]) => a - b).map(([epoch, [sum, n]]) => [epoch, sum / n]);
  }

  function option() {
    const [, name, unit] = chosen.what;
    return {
      grid: { left: 62, right: 24, top: 18, bottom: 48 },
      xAxis: epochAxis(`Epoch of ${chosen.phase}`, 28),
      yAxis: axis(withUnit(name, unit && `(${unit})`), { nameGap: 44 }),
      tooltip: tooltip((shown) => told(shown), { trigger: "axis" }),
      series: lines.flatMap((line) => [
        ...seedCurves(line).map((data) => ({
          type: "line",
          data,
          symbol: data.length > 1 ? "none" : "circle",
          itemStyle: { color: stroke(line), opacity: 0.3 },
          silent: true,
          tooltip: { show: false },
          lineStyle: { color: stroke(line), width: 1, opacity: 0.3, type: dash(line) },
        })),
        {
          type: "line",
          name: String(line.number),
          symbol: "circle",
          symbolSize: meanCurve(line).length > 1 ? 5 : 9,
          showSymbol: meanCurve(line).length <= 10,
          data: meanCurve(line).map((value) => ({ value, row: line.number })),
          itemStyle: { color: stroke(line) },
          lineStyle: { color: stroke(line), width: 2.2, type: dash(line) },
        },
      ]),
    };
  }

  function told(shown) {
    const means = shown.filter(({ seriesName }) => lineOf.has(Number(seriesName)));
    if (!means.length) return "";
    return h(
      "div",
      { class: "told" },
      h("b", null, `Epoch ${means[0].value[0]}`),
      means
        .sort((a, b) => b.value[1] - a.value[1])
        .map(({ seriesName, value }) => {
          const line = lineOf.get(Number(seriesName));
          return h(
            "div",
            null,
            swatch(line.mark, "none"),
            `${line.attention} · ${line.pruning} `,
            h("span", { class: "aside" }, value[1].toPrecision(4)),
          );
        }),
    );
  }

  function list(label, part, offered) {
    return choice(label, offered, chosen[part], (one) => {
      chosen[part] = one;
      draw();
    });
  }

  return {
    show(next) {
      table = next;
      const values = (part) => unique(table.lines.map((line) => line[part]));
      const [backbones, attentions, prunings] = PARTS.map(values);
      Object.assign(chosen, { backbone: backbones[0], attention: ALL, pruning: prunings[0] });
      show(
        $("training-controls"),
        segments(
          "Show",
          WHAT.map(([, name]) => name),
          WHAT.indexOf(chosen.what),
          (place) => {
            chosen.what = WHAT[place];
            draw();
          },
        ),
        list("Backbone", "backbone", backbones),
        list("Attention", "attention", [ALL, ...attentions]),
        list("Pruning", "pruning", [ALL, ...prunings]),
        list("Phase", "phase", phases),
      );
      draw();
    },
  };
}
