// What the report says: unpacked from the JSON in the page. See reports/page/content.py.

const ALL = "all";
const PARTS = ["backbone", "attention", "pruning"];
const content = JSON.parse($("content").textContent);

const column = (packed) =>
  Array.isArray(packed) ? packed : packed.at.map((place) => packed.of[place]);

function records(packed) {
  const names = Object.keys(packed);
  const columns = names.map((name) => column(packed[name]));
  const count = columns.length ? columns[0].length : 0;
  return Array.from({ length: count }, (_, place) =>
    Object.fromEntries(names.map((name, index) => [name, columns[index][place]])),
  );
}

const runs = records(content.runs);
const runOf = new Map(runs.map((run) => [run.key, run]));
const runsOf = new Map();
for (const run of runs) {
  if (!runsOf.has(run.row)) runsOf.set(run.row, []);
  runsOf.get(run.row).push(run);
}

// A line of a table: number, state, backbone, attention, pruning (as readers see them), mark and
// symbol (of its point), values and numbers by column.
function linesOf(table) {
  const values = Object.entries(table.values).map(([key, packed]) => [key, column(packed)]);
  return records(table.lines).map((line, place) => ({
    ...line,
    table,
    values: Object.fromEntries(values.map(([key, found]) => [key, valueOf(found[place])])),
    numbers: Object.fromEntries(
      Object.entries(table.numbers).map(([key, found]) => [key, found[place]]),
    ),
  }));
}

function valueOf([text = "", aside = "", verdict = "", marks = [], bold = false]) {
  return { text, aside, verdict, marks, bold };
}

// What tells a title from the others stands first: a list of them may be cut.
function apart(titles) {
  const words = titles.map((title) => title.split(" "));
  return titles.map((title, place) => {
    const own = words[place].filter((word) => !words.every((other) => other.includes(word)));
    return own.length ? `${own.join(" ").replace(/,$/, "")}: ${title}` : title;
  });
}

const names = apart(content.tables.map((table) => table.title));
const tables = content.tables.map((table, place) => ({
  ...table,
  name: names[place],
  notes: new Map(table.notes),
}));
for (const table of tables) table.lines = linesOf(table);
const lineOf = new Map(tables.flatMap((table) => table.lines).map((line) => [line.number, line]));

const measures = content.measures.map((measure) => ({
  ...measure,
  of: new Map(records(measure.of).map((found) => [found.row, found])),
}));
const accuracy = measures.find((measure) => measure.key === "accuracy");
const costs = measures.filter((measure) => measure !== accuracy);

// Those of them that some row of a table has.
const known = (asked, table) =>
  asked.filter((measure) => table.lines.some((line) => measure.of.has(line.number)));

const nameOf = (line) => `${line.backbone} · ${line.attention} · ${line.pruning}`;

function runName(run) {
  const parts = ["backbone", "attention", "pruning"].map((part) =>
    `${run[part]} ${run[`${part}_options`] ?? ""}`.trim(),
  );
  return parts.join(" · ") + (run.scheme ? ` · plugged ${run.scheme}` : "");
}

// phase -> [{epoch, loss, accuracy}], in order of training; nothing for a run without curves.
function curvesOf(run) {
  const phases = Object.entries(content.curves.of[run.key] ?? {});
  return phases.map(([phase, [epochs, losses, accuracies]]) => [
    phase,
    content.curves.epochs[epochs].map((epoch, place) => ({
      epoch: epoch + 1,
      loss: losses[place],
      accuracy: accuracies[place],
    })),
  ]);
}

const unique = (values) => [...new Set(values)];
const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);
const percent = (share) => (100 * share).toFixed(2);

// Three digits, never in exponent form.
const significant = (number) =>
  number.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

// A mean as readers see it: 98.89 ± 0.39 %, n=2.
function meanText(measure, found) {
  const spread =
    found.std == null ? "" : measure.key === "accuracy" ? percent(found.std) : brief(found.std);
  return `${withUnit(found.text + (spread && ` ± ${spread}`), measure.unit)}, n=${found.n}`;
}

// A few digits and a unit, for axes: 1.5 M, 270 k, 0.35.
function brief(number, digits = 3) {
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ])
    if (Math.abs(number) >= size) return `${Number((number / size).toPrecision(digits))} ${unit}`;
  return String(Number(number.toPrecision(digits)));
}
