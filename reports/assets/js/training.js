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
  const selected = found.length === 1 ? selectedIn(found[0], known[0]) : null;
  const draw = () => ({
    grid: { left: 48, right: 52, top: 26, bottom: 44 },
    xAxis: epochAxis(
      unique(found.flatMap((run) => curvesOf(run).map(([phase]) => phase))).join(", then ") +
        ", epochs",
      26,
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
        symbol: curve.length > 1 ? "none" : "circle",
        symbolSize: 8,
        data: curve.map((point) => [point.epoch, point.loss]),
        lineStyle: { color: loss, width: 1.5, type: "dashed" },
        itemStyle: { color: loss },
      },
      {
        type: "line",
        name: "validation %",
        yAxisIndex: 1,
        symbol: "circle",
        symbolSize: curve.length > 1 ? 4 : 8,
        data: curve.map((point) => [
          point.epoch,
          point.accuracy == null ? null : 100 * point.accuracy,
        ]),
        lineStyle: { color: right, width: 2 },
        itemStyle: { color: right },
        markLine: {
          symbol: "none",
          silent: true,
          label: { show: false },
          lineStyle: { color: right, type: "dotted", width: 1.5 },
          data: selected ? [{ xAxis: selected }] : [],
        },
      },
    ]),
  });
  queueMicrotask(() => drawings.push(chart(place, draw)));
  return [
    h("h3", null, "Training"),
    place,
    selected ? h("p", { class: "small" }, `Dotted: the selected epoch, ${selected}.`) : null,
  ];
}

function joined(run) {
  const found = [];
  for (const [, points] of curvesOf(run)) {
    const before = found.at(-1)?.epoch ?? 0;
    found.push(...points.map((point) => ({ ...point, epoch: before + point.epoch })));
  }
  return found;
}

// The epoch that was selected in the last phase, as the chart counts; null if it is not in it.
function selectedIn(run, curve) {
  const last = curve.at(-1).epoch;
  const before = last - curvesOf(run).at(-1)[1].at(-1).epoch;
  const epoch = before + run.selected_epoch + 1;
  return before < epoch && epoch <= last ? epoch : null;
}
