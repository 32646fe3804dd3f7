// Accuracy against a cost: a point for every row, the front drawn, every point leads to its runs.

const MOST_BARS = 40; // a plot of more points has no bars: they would hide them

const UNMEASURED = "No row has both an accuracy and a cost.";
const HIDDEN = "Every row is hidden: press a name below to show its rows again.";

function pareto() {
  let cost = costs.find((one) => one.key === "macs");
  let table = null;
  let backbone = ALL;
  let lines = [];
  const hidden = { mark: new Set(), symbol: new Set() };
  const drawing = chart($("pareto"), option, (data) => data.row && follow(`#row-${data.row}`));

  function draw() {
    const measured = table.lines.filter(
      (line) =>
        (backbone === ALL || line.backbone === backbone) &&
        accuracy?.of.has(line.number) &&
        cost?.of.has(line.number),
    );
    lines = measured.filter(
      (line) => !hidden.mark.has(line.mark) && !hidden.symbol.has(line.symbol),
    );
    $("pareto").hidden = !lines.length;
    drawing.redraw();
    const ahead = front(pointsOf(lines));
    show($("pareto-about"), lines.length ? cost.about : measured.length ? HIDDEN : UNMEASURED);
    show(
      $("pareto-front"),
      ahead.map(({ line, x, y }) =>
        h(
          "li",
          null,
          h("a", { href: `#row-${line.number}` }, swatch(line.mark, line.symbol), nameOf(line)),
          ` ${meanText(accuracy, y)}, at ${withUnit(x.text, cost.unit)}`,
        ),
      ),
    );
  }

  const pointsOf = (lines) =>
    lines.map((line) => ({ line, x: cost.of.get(line.number), y: accuracy.of.get(line.number) }));

  function option() {
    const points = pointsOf(lines);
    if (!points.length) return {};
    const scale = costScale(points.map(({ x }) => x.mean));
    const place = ({ x, y }) => [scale.place(x.mean), 100 * y.mean];
    const ahead = front(points).map(place);
    return {
      grid: { left: 62, right: 24, top: 18, bottom: 52 },
      xAxis: axis(
        withUnit(cost.name.length > 40 ? "Latency" : cost.name, cost.unit && `(${cost.unit})`),
        { nameGap: 30, boundaryGap: ["3%", "3%"], ...scale.axis },
      ),
      yAxis: axis("Accuracy (%)", { nameGap: 44, ...margin }),
      tooltip: tooltip(({ data }) => told(data), { trigger: "item" }),
      dataZoom: ["xAxisIndex", "yAxisIndex"].map((of) => ({
        type: "inside",
        [of]: 0,
        filterMode: "none",
        zoomOnMouseWheel: "ctrl",
        moveOnMouseMove: "ctrl",
        preventDefaultMouseMove: false,
      })),
      series: [
        {
          type: "line",
          step: "end",
          data: ahead,
          symbol: "none",
          silent: true,
          z: 1,
          lineStyle: { color: colour("soft"), width: 1.2 },
        },
        ...(points.length <= MOST_BARS ? bars(points, place) : []),
        ...dots(points, place),
      ],
    };
  }

  function dots(points, place) {
    return unique(points.map(({ line }) => line.mark)).map((mark) => {
      const { edge, face } = paint(mark);
      return {
        type: "scatter",
        name: mark,
        symbolSize: 11,
        symbolKeepAspect: true,
        z: 3,
        itemStyle: { color: face, borderColor: edge, borderWidth: 1.4 },
        emphasis: { scale: 1.4 },
        data: points
          .filter(({ line }) => line.mark === mark)
          .map((point) => ({
            value: place(point),
            row: point.line.number,
            symbol: `path://${content.points.shapes[point.line.symbol]}`,
          })),
      };
    });
  }

  // One standard deviation up and down; those of one colour as one line with gaps.
  function bars(points, place) {
    return unique(points.map(({ line }) => line.mark)).map((mark) => ({
      type: "line",
      symbol: "none",
      silent: true,
      z: 2,
      lineStyle: { color: paint(mark).edge, width: 1.1, opacity: 0.55 },
      data: points
        .filter(({ line, y }) => line.mark === mark && y.std != null)
        .flatMap((point) => {
          const [x, y] = place(point);
          return [
            [x, y - 100 * point.y.std],
            [x, y + 100 * point.y.std],
            [x, null],
          ];
        }),
    }));
  }

  function told({ row }) {
    const line = lineOf.get(row);
    if (!line) return "";
    return h(
      "div",
      { class: "told" },
      h("b", null, nameOf(line)),
      h("div", null, `Accuracy ${meanText(accuracy, accuracy.of.get(row))}`),
      h("div", null, `${cost.name} ${meanText(cost, cost.of.get(row))}`),
      h("div", { class: "small" }, "Click for its runs"),
    );
  }

  return {
    show(chosen) {
      table = chosen;
      backbone = ALL;
      hidden.mark.clear();
      hidden.symbol.clear();
      const offered = known(costs, table);
      cost = offered.includes(cost) ? cost : offered[0];
      const backbones = unique(table.lines.map((line) => line.backbone));
      const marks = unique(table.lines.map((line) => line.mark));
      const symbols = unique(table.lines.map((line) => line.symbol));
      show(
        $("pareto-controls"),
        cost &&
          choice("Cost", offered, cost, (one) => {
            cost = one;
            draw();
          }),
        choice("Backbone", [ALL, ...backbones], backbone, (one) => {
          backbone = one;
          draw();
        }),
      );
      show(
        $("pareto-legend"),
        toggles(
          "Attention",
          marks.map((mark) => [mark, swatch(mark, "none")]),
          hidden.mark,
          draw,
        ),
        toggles(
          "Pruning",
          symbols.map((symbol) => [symbol, swatch(null, symbol)]),
          hidden.symbol,
          draw,
        ),
      );
      draw();
    },
  };
}

// Around accuracies that are all the same.
const margin = {
  min: ({ min, max }) => (min === max ? Math.max(min - 1, 0) : null),
  max: ({ min, max }) => (min === max ? Math.min(max + 1, 100) : null),
};

// The points that no other beats in one without losing in the other, cheapest first.
function front(points) {
  const found = [];
  for (const point of [...points].sort((a, b) => a.x.mean - b.x.mean || b.y.mean - a.y.mean))
    if (!found.length || point.y.mean > found.at(-1).y.mean) found.push(point);
  return found;
}

// Even steps, or factors where the costs differ by more than ten times.
function costScale(costs) {
  const [low, high] = [Math.min(...costs), Math.max(...costs)];
  if (!(low > 0 && high > 10 * low)) {
    const digits = Math.min(Math.max(3, Math.ceil(Math.log10(high / (high - low))) + 2), 7);
    const formatter = (cost) => brief(cost, digits);
    return { place: (cost) => cost, axis: { axisLabel: { formatter } } };
  }
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of [1, 2, 5]) ticks.push(Math.log10(step) + power);
  const [left, right] = [Math.log10(low) - 0.05, Math.log10(high) + 0.05];
  const customValues = ticks.filter((tick) => left <= tick && tick <= right);
  return {
    place: Math.log10,
    axis: {
      min: left,
      max: right,
      axisTick: { customValues, lineStyle: { color: colour("strong") } },
      axisLabel: { customValues, formatter: (power) => brief(10 ** power) },
      splitLine: { show: false },
    },
  };
}
