// Every row, or every run, as a table to sort and to filter.

const RUN_NUMBERS = [
  [{ key: "accuracy", heading: "Accuracy", unit: "%" }, percent],
  [{ key: "params", heading: "Params" }, (number) => number.toLocaleString("en")],
  [{ key: "macs", heading: "MACs" }, (number) => number.toLocaleString("en")],
  [{ key: "latency_p50_ms", heading: "Latency", unit: "ms" }, significant],
  [{ key: "seconds", heading: "Cost", unit: "s" }, significant],
];

function explore() {
  const hidden = { state: "", words: [] };
  let table = null;
  let made = null; // of Tabulator, which can be asked for nothing before it is built
  let isBuilt = false;
  let isRuns = $("explore").dataset.first === "runs";

  const search = h("input", {
    type: "search",
    id: "search",
    placeholder: "Filter: names, key, commit, error …",
    oninput: filter,
    "aria-label": "Filter by words",
  });
  const state = h(
    "select",
    { onchange: filter, "aria-label": "State" },
    h("option", { value: "" }, "every state"),
    content.states.map((name) => h("option", { value: name }, name)),
  );
  const count = h("output", { class: "small" });
  $("explore-controls").append(
    segments("Lines", ["Rows, mean over seeds", "Runs"], Number(isRuns), (place) => {
      isRuns = place === 1;
      draw();
    }),
    search,
    h("label", { class: "choice" }, state),
    h(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        onclick: (event) => {
          const isOn = $("explore-table").classList.toggle("by-column");
          event.target.setAttribute("aria-pressed", String(isOn));
          if (isBuilt && !isOn) made.clearHeaderFilter();
          if (isBuilt) made.redraw(true);
        },
      },
      "Filter by column",
    ),
    count,
  );

  function draw() {
    made?.destroy();
    isBuilt = false;
    made = new Tabulator($("explore-table"), {
      data: isRuns ? runLines() : rowLines(),
      columns: isRuns ? runColumns() : rowColumns(),
      layout: "fitDataFill",
      maxHeight: "38rem",
      rowHeight: 33,
      renderVerticalBuffer: 150,
      nestedFieldSeparator: false,
      placeholder: "Nothing here matches the filter.",
      columnDefaults: { minWidth: 56, headerSortTristate: true, resizable: false },
    });
    made.on("rowClick", (event, row) => {
      if (!event.target.closest("a")) follow(row.getData().link);
    });
    made.on("tableBuilt", () => {
      isBuilt = true;
      filter();
    });
    made.on("dataFiltered", (_, rows) => {
      const total = (isRuns ? runsHere() : table.lines).length;
      show(count, `${rows.length} of ${total} ${isRuns ? "runs" : "rows"}`);
    });
  }

  function filter() {
    if (!isBuilt) return;
    hidden.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    hidden.state = state.value;
    made.setFilter(
      (line) =>
        (!hidden.state || line.state === hidden.state) &&
        hidden.words.every((word) => line.words().includes(word)),
    );
  }

  const runsHere = () => runs.filter((run) => !run.row || lineOf.get(run.row).table === table);

  function runLines() {
    return runsHere().map((run) => ({
      ...run,
      link: `#run-${run.key}`,
      row: run.row || null,
      backbone: label(run, "backbone"),
      attention: label(run, "attention"),
      pruning: label(run, "pruning"),
      words: said(() => [
        run.key,
        runName(run),
        run.state,
        run.commit,
        run.hardware,
        run.latency_setting,
        run.reason,
      ]),
    }));
  }

  function rowLines() {
    return table.lines.map((line) => ({
      ...line.numbers,
      link: `#row-${line.number}`,
      number: line.number,
      state: line.state,
      backbone: line.backbone,
      attention: line.attention,
      pruning: line.pruning,
      values: line.values,
      words: said(() => [
        line.number,
        nameOf(line),
        line.state,
        ...(runsOf.get(line.number) ?? []).flatMap((run) => [run.key, run.commit, run.reason]),
      ]),
    }));
  }

  function rowColumns() {
    return [
      linked("number", "#", (line) => line.number),
      ...PARTS.map(named),
      ...table.columns.map((of) =>
        numeric(
          of,
          (line) => line.values[of.key].text,
          (line) => valueNode(line.values[of.key], table),
        ),
      ),
    ];
  }

  function runColumns() {
    return [
      linked("key", "Run", (run) => h("code", null, run.key)),
      numeric(
        { key: "row", heading: "Row", about: "Row of the tables that it is part of." },
        (run) => String(run.row ?? "supernet"),
        (run) => (run.row ? h("a", { href: `#row-${run.row}` }, run.row) : "supernet"),
      ),
      ...PARTS.map(named),
      numeric({ key: "seed", heading: "Seed" }, (run) => String(run.seed)),
      texts("state", "State", (run) => h("span", { class: run.state }, run.state)),
      ...RUN_NUMBERS.map(([of, reads]) =>
        numeric(of, (run) => (run[of.key] == null ? "—" : reads(run[of.key]))),
      ),
      ...["latency_setting", "commit", "hardware"]
        .filter((name) => name in runs[0])
        .map((name) =>
          texts(
            name,
            { latency_setting: "Latency on", commit: "Commit", hardware: "Hardware" }[name],
            (run) => run[name] ?? "",
          ),
        ),
    ];
  }

  return {
    show(chosen) {
      table = chosen;
      draw();
    },
  };
}

const label = (run, part) => `${run[part]} ${run[`${part}_options`] ?? ""}`.trim();

// The words of a line in lower case, put together when they are first asked for.
function said(texts) {
  let known = null;
  return () => (known ??= texts().join(" ").toLowerCase());
}
