// The curves of a few runs, small, beside their other details.

// Loss and validation accuracy over all phases, one after the other.
function training(found) {
  const known = found.map((run) => joined(run)).filter((curve) => curve.length);
  if (!known.length) return null;
  const place = h("div", {
    class: "chart small-chart",
    role: "img",
    "aria-label": "Training loss and validation accuracy by epoch",
  });
  const [loss, right] = [colour("soft"), colour("accent")];
  const draw = () => ({
    grid: { left: 48, right: 52, top: 26, bottom: 44 },
    xAxis: axis(
      unique(found.flatMap((run) => curvesOf(run).map(([phase]) => phase))).join(", then ") +
        ", epochs",
      { nameGap: 26, minInterval: 1, min: "dataMin", max: "dataMax", splitLine: { show: false } },
    ),
    yAxis: [
      axis("Training loss", {
        nameLocation: "end",
        nameGap: 10,
        nameTextStyle: { color: loss, align: "left" },
      }),
      axis("Validation %", {
        nameLocation: "end",
        nameGap: 10,
        nameTextStyle: { color: right, align: "right" },
        splitLine: { show: false },
      }),
    ],
    tooltip: tooltip(
      (shown) =>
        h(
          "div",
          { class: "told" },
          h("b", null, `Epoch ${shown[0].value[0]}`),
          shown.map(({ seriesName, value }) =>
            h("div", null, `${seriesName} ${value[1] == null ? "—" : value[1].toPrecision(4)}`),
          ),
        ),
      { trigger: "axis" },
    ),
    series: known.flatMap((curve) => [
      {
        type: "line",
        name: "loss",
        symbol: "none",
        data: curve.map((point) => [point.epoch, point.loss]),
        lineStyle: { color: loss, width: 1.5, type: "dashed" },
        itemStyle: { color: loss },
      },
      {
        type: "line",
        name: "validation %",
        yAxisIndex: 1,
        symbol: "circle",
        symbolSize: 4,
        data: curve.map((point) => [
          point.epoch,
          point.accuracy == null ? null : 100 * point.accuracy,
        ]),
        lineStyle: { color: right, width: 2 },
        itemStyle: { color: right },
      },
    ]),
  });
  queueMicrotask(() => drawings.push(chart(place, draw)));
  return [h("h3", null, "Training"), place];
}

function joined(run) {
  const found = [];
  for (const [, points] of curvesOf(run)) {
    const before = found.at(-1)?.epoch ?? 0;
    found.push(...points.map((point) => ({ ...point, epoch: before + point.epoch })));
  }
  return found;
}
