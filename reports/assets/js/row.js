// A row with its values, its footnotes, its runs.

function rowDetail(line) {
  const { table } = line;
  const found = runsOf.get(line.number) ?? [];
  const marks = unique(table.columns.flatMap((of) => line.values[of.key].marks));
  return [
    h("p", { class: "kicker" }, `Row ${line.number}, ${table.title}`),
    h("h2", { id: "detail-title" }, nameOf(line)),
    h(
      "dl",
      { class: "facts" },
      table.columns
        .filter((of) => line.values[of.key].text)
        .map((of) => [
          h(
            "dt",
            { title: of.about },
            of.heading,
            of.unit ? h("small", null, ` ${of.unit}`) : null,
          ),
          h("dd", null, valueNode(line.values[of.key], table)),
        ]),
    ),
    marks.length
      ? h(
          "ul",
          { class: "notes" },
          marks.map((mark) => h("li", null, h("b", null, mark), table.notes.get(mark))),
        )
      : null,
    h("h3", null, `${found.length} run${found.length === 1 ? "" : "s"}`),
    h(
      "div",
      { class: "wide" },
      h(
        "table",
        { class: "plain" },
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            ["Run", "Seed", "State", "Accuracy, %", "Cost, s"].map((name) =>
              h("th", { scope: "col" }, name),
            ),
          ),
        ),
        h(
          "tbody",
          null,
          found.map((run) =>
            h(
              "tr",
              null,
              h("td", null, h("a", { href: `#run-${run.key}` }, h("code", null, run.key))),
              h("td", null, String(run.seed)),
              h("td", { class: run.state }, run.state),
              h("td", null, run.accuracy == null ? "—" : percent(run.accuracy)),
              h("td", null, run.seconds == null ? "—" : significant(run.seconds)),
            ),
          ),
        ),
      ),
    ),
    training(found),
    h("p", { class: "small" }, table.setting, "."),
  ];
}
