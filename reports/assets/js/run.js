// A run with its numbers, what it came from, and every option that it was asked for.

const OF_RUN = {
  commit: "Commit",
  hardware: "Hardware",
  packages: "Packages",
  data_checksum: "Checksum of the data",
  latency_setting: "Latency measured on",
  phases: "Time by phase",
  attempts: "Attempts",
};
function runDetail(run) {
  return [
    h(
      "p",
      { class: "kicker" },
      "Run ",
      h("code", null, run.key),
      run.row ? [", of ", h("a", { href: `#row-${run.row}` }, `row ${run.row}`)] : ", a supernet",
    ),
    h(
      "h2",
      { id: "detail-title" },
      runName(run),
      h("span", { class: "aside" }, `seed ${run.seed}`),
    ),
    h("p", null, h("b", { class: run.state }, run.state), run.reason ? `: ${run.reason}` : null),
    run.traceback ? h("pre", { tabindex: "0" }, run.traceback) : null,
    training([run]),
    numbersOf(run),
    h("h3", null, "Where it comes from"),
    h(
      "dl",
      { class: "facts" },
      fact("Starts from", linkTo(run.start)),
      fact("Compared with its dense parent", linkTo(run.parent)),
      fact("Compared with the plain backbone", linkTo(run.reference)),
      Object.entries(OF_RUN).map(([name, title]) =>
        fact(title, run[name] ? h("span", { class: "lines" }, String(run[name])) : null),
      ),
      content.sources.map((axis) =>
        fact(
          `Source of the ${axis}`,
          run[`source_${axis}`] ? h("code", null, run[`source_${axis}`]) : null,
        ),
      ),
    ),
    h("h3", null, "Every option"),
    content.parts
      .filter((part) => run[`${part}_setup`]?.length || run[part] !== "none")
      .map((part) => setup(run, part)),
  ];
}

const HINTS = { selected_epoch: "counted from 0" };

const fact = (title, node) => (node ? [h("dt", null, title), h("dd", null, node)] : null);
const linkTo = (key) =>
  runOf.has(key) ? h("a", { href: `#run-${key}` }, h("code", null, key)) : null;

// All numbers at full precision, under the names of runs.csv.
function numbersOf(run) {
  const known = Object.keys(content.runs).filter(
    (name) => typeof run[name] === "number" && !["row", "seed"].includes(name),
  );
  if (!known.length) return null;
  return [
    h("h3", null, "Numbers ", h("small", null, "as in runs.csv")),
    h(
      "dl",
      { class: "facts numbers" },
      known.map((name) =>
        fact([name, HINTS[name] ? h("small", null, ` ${HINTS[name]}`) : null], String(run[name])),
      ),
    ),
  ];
}

function setup(run, part) {
  const options = run[`${part}_setup`] ?? [];
  return h(
    "details",
    { open: options.length <= 8 },
    h(
      "summary",
      null,
      h("b", null, `${part[0].toUpperCase()}${part.slice(1)} `),
      run[part],
      h("span", { class: "aside" }, `${options.length} options`),
    ),
    h(
      "dl",
      { class: "facts numbers" },
      options.map(([name, value]) => fact(name, h("code", null, value || "''"))),
    ),
  );
}
