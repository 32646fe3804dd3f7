// The grid at a glance: backbones and attentions down, prunings across, one measure as colour.

const WORDS = {
  failed: "failed",
  damaged: "damaged",
  blocked: "blocked",
  missing: "missing",
  inapplicable: "n/a",
};
const LEGEND = {
  failed: "no number: an error was raised",
  damaged: "no number: a record that cannot be trusted",
  blocked: "no number: what it starts from failed",
  missing: "not run yet",
  inapplicable: "cannot work; its row says why",
  unmeasured: "ran, without this number",
};

const HUES = {
  accuracy: "The stronger the colour, the better.",
  cost: "The stronger the colour, the more, by factors.",
};

function heat() {
  let table = null;
  let measure = null;

  $("heat").addEventListener("keydown", move);

  function draw() {
    const lines = table.lines;
    const across = unique(lines.map((line) => line.pruning));
    const scale = scaleOf(measure, lines);
    show(
      $("heat"),
      h("caption", { class: "unseen" }, `${measure?.name ?? "State"} of every row: ${table.title}`),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("td", null),
          across.map((name) => h("th", { scope: "col" }, h("span", null, name))),
        ),
      ),
      unique(lines.map((line) => line.backbone)).map((backbone) =>
        group(
          backbone,
          lines.filter((line) => line.backbone === backbone),
          across,
          scale,
        ),
      ),
    );
    $("heat").querySelector("a")?.setAttribute("tabindex", "0");
    show($("heat-about"), measure ? `${measure.about} ${HUES[measure.key] ?? HUES.cost}` : "");
    show($("heat-legend"), legend(lines, scale));
  }

  function group(backbone, lines, across, scale) {
    return h(
      "tbody",
      null,
      h(
        "tr",
        null,
        h("th", { class: "group", scope: "rowgroup", colspan: across.length + 1 }, backbone),
      ),
      stacked(lines).map(([attention, found]) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, h("span", null, attention)),
          across.map((name) => cell(found.get(name), scale)),
        ),
      ),
    );
  }

  function cell(line, scale) {
    if (!line) return h("td", { class: "absent" });
    const found = measure?.of.get(line.number);
    const [n, planned] = countOf(line);
    const partial = n && n < planned ? h("small", null, `n=${n}/${planned}`) : null;
    const state = found ? "done" : line.state === "done" ? "unmeasured" : line.state;
    const text = found ? found.text : (WORDS[state] ?? "—");
    const told = found ? `${measure.name} ${meanText(measure, found)}` : LEGEND[state];
    const fill = found ? scale.share(found.mean) : 0;
    const link = h(
      "a",
      {
        href: `#row-${line.number}`,
        tabindex: "-1",
        title: `${nameOf(line)}: ${told}`,
        "aria-label": `${nameOf(line)}: ${told}`,
      },
      text,
      partial,
    );
    const style = found ? `--share: ${(100 * fill).toFixed(0)}%` : null;
    return h("td", { class: `${state}${partial ? " partial" : ""}`, style }, link);
  }

  function legend(lines, scale) {
    const states = unique(
      lines.map((line) =>
        measure?.of.has(line.number) ? "done" : line.state === "done" ? "unmeasured" : line.state,
      ),
    );
    const ramp = scale.ends
      ? h(
          "span",
          { class: "ramp-of" },
          scale.ends[0],
          h("i", { class: "ramp" }),
          withUnit(scale.ends[1], measure.unit),
        )
      : null;
    const partial = lines.some((line) => countOf(line)[0] && countOf(line)[0] < countOf(line)[1]);
    return [
      ramp,
      partial
        ? h("span", null, h("i", { class: "sample partial" }), "some seeds have no number")
        : null,
      Object.keys(LEGEND)
        .filter((state) => states.includes(state))
        .map((state) =>
          h(
            "span",
            null,
            h("i", { class: `sample ${state}` }),
            h("b", null, WORDS[state] ?? "—"),
            ` ${LEGEND[state]}`,
          ),
        ),
    ];
  }

  return {
    show(chosen) {
      table = chosen;
      const offered = known(measures, table);
      measure = offered.includes(measure) ? measure : offered[0];
      show(
        $("heat-controls"),
        measure &&
          choice("Show", offered, measure, (one) => {
            measure = one;
            draw();
          }),
      );
      draw();
    },
  };
}

// attention -> pruning -> line; rows whose labels are equal get a line of their own.
function stacked(lines) {
  const found = [];
  for (const line of lines) {
    let row = found.find(([name, cells]) => name === line.attention && !cells.has(line.pruning));
    if (!row) found.push((row = [line.attention, new Map()]));
    row[1].set(line.pruning, line);
  }
  return found;
}

function countOf(line) {
  const planned = (runsOf.get(line.number) ?? []).filter((run) => run.state !== "inapplicable");
  return [planned.filter((run) => run.state === "done").length, planned.length];
}

// Accuracies in even steps, costs by factors.
function scaleOf(measure, lines) {
  const found = lines.map((line) => measure?.of.get(line.number)).filter(Boolean);
  if (!found.length) return { share: () => 0 };
  found.sort((a, b) => a.mean - b.mean);
  const isEven = measure.key === "accuracy" || found[0].mean <= 0;
  const place = isEven ? (mean) => mean : Math.log;
  const [low, high] = [place(found[0].mean), place(found.at(-1).mean)];
  return {
    share: (mean) => (high > low ? (place(mean) - low) / (high - low) : 0.4),
    ends: high > low ? [found[0].text, found.at(-1).text] : null,
  };
}

// Arrow keys go from cell to cell, so that a grid of a thousand takes one stop of the tab key.
function move(event) {
  const [right, down] =
    { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ??
    [];
  const from = event.target.closest("td");
  if (right === undefined || !from) return;
  event.preventDefault();
  const rows = [...$("heat").rows].filter((row) => row.querySelector("a"));
  let [x, y] = [from.cellIndex, rows.indexOf(from.parentElement)];
  let link = null;
  while (!link && rows[y] && x >= 0 && x < rows[y].cells.length) {
    [x, y] = [x + right, y + down];
    link = rows[y]?.cells[x]?.querySelector("a");
  }
  if (!link) return;
  event.target.setAttribute("tabindex", "-1");
  link.setAttribute("tabindex", "0");
  link.focus();
}
