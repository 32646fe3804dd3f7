// Charts are drawn when they come into sight, and again when the theme or the choice changes.

const themed = new Set();

// A colour of the style sheet as canvas understands it.
function colour(name) {
  const probe = $("probe");
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// `option` gives what ECharts is to draw; `onclick` gets the data of a point.
function chart(element, option, onclick) {
  let drawn = null;
  let stale = true;
  let seen = false;
  function draw() {
    if (!seen || !stale) return;
    if (!drawn) {
      drawn = echarts.init(element);
      drawn.on("click", (event) => event.data && onclick?.(event.data));
    }
    drawn.setOption(
      {
        animation: false,
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
        ...option(),
      },
      true,
    );
    stale = false;
  }
  const sight = new IntersectionObserver(
    (entries) => {
      seen = entries.at(-1).isIntersecting;
      draw();
    },
    { rootMargin: "300px" },
  );
  sight.observe(element);
  const size = new ResizeObserver(() => drawn?.resize());
  size.observe(element);
  function redraw() {
    stale = true;
    draw();
  }
  themed.add(redraw);
  return {
    redraw,
    end() {
      sight.disconnect();
      size.disconnect();
      themed.delete(redraw);
      drawn?.dispose();
    },
  };
}

function axis(name, { axisLabel, ...more } = {}) {
  return {
    type: "value",
    scale: true,
    name,
    nameLocation: "middle",
    nameTextStyle: { color: colour("soft"), fontSize: 12 },
    axisLine: { show: true, lineStyle: { color: colour("strong") } },
    axisLabel: { color: colour("soft"), fontSize: 12, hideOverlap: true, ...axisLabel },
    axisTick: { show: true, lineStyle: { color: colour("strong") } },
    splitLine: { lineStyle: { color: colour("line") } },
    ...more,
  };
}

// Epochs from the first to the last; a single one stands in the middle.
function epochAxis(name, nameGap) {
  const end = (side, room) => (found) => (found.min === found.max ? found.min + room : found[side]);
  return axis(name, {
    nameGap,
    minInterval: 1,
    min: end("min", -0.5),
    max: end("max", 0.5),
    axisLabel: { formatter: (epoch) => (Number.isInteger(epoch) ? String(epoch) : "") },
    splitLine: { show: false },
  });
}

function tooltip(formatter, more) {
  return {
    confine: true,
    enterable: false,
    backgroundColor: colour("paper"),
    borderColor: colour("strong"),
    padding: [8, 12],
    textStyle: { color: colour("ink"), fontSize: 13, fontFamily: "inherit" },
    extraCssText: "box-shadow: 0 4px 16px rgb(0 0 0 / .14); border-radius: 6px;",
    formatter,
    ...more,
  };
}

// Edge and face of the points of an attention; that of none takes the page's ink.
function paint(mark) {
  const [edge, face] = content.points.colours[mark] ?? ["#8c8c8c", "#8c8c8cff"];
  if (edge !== content.points.ink) return { edge, face };
  return { edge: colour("ink"), face: colour("ink") };
}

// A point as a small drawing beside its name.
function swatch(mark, symbol) {
  const [edge, face] = content.points.colours[mark] ?? ["currentColor", "currentColor"];
  const isInk = edge === content.points.ink;
  return svg(
    "svg",
    { viewBox: "-1 -1 2 2", class: "swatch", "aria-hidden": "true" },
    svg("path", {
      d: content.points.shapes[symbol] ?? content.points.shapes.none ?? "M-.5-.5H.5V.5H-.5Z",
      stroke: isInk ? "currentColor" : edge,
      fill: isInk ? "currentColor" : face,
      "stroke-width": 0.14,
    }),
  );
}
