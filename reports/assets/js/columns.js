// The columns of the table to sort: what stands in them, how they sort, how they filter.

function linked(field, heading, node) {
  return {
    ...base(field, heading, "", ""),
    sorter: field === "number" ? "number" : "string",
    frozen: true,
    hozAlign: field === "number" ? "right" : "left",
    formatter: (cell) => h("a", { href: cell.getData().link }, node(cell.getData())),
    headerFilterFunc: contains,
  };
}

function named(field) {
  return texts(field, field[0].toUpperCase() + field.slice(1), (line) => line[field]);
}

function texts(field, heading, node) {
  return {
    ...base(field, heading, "", ""),
    sorter: "string",
    maxWidth: 340,
    headerFilterFunc: contains,
    formatter: (cell) => h("span", null, node(cell.getData())),
  };
}

function numeric(field, heading, unit, about, node) {
  const scale = unit === "%" || unit === "pp" ? 100 : 1;
  return {
    ...base(field, heading, unit, about),
    hozAlign: "right",
    headerHozAlign: "right",
    headerSortStartingDir: field.startsWith("accuracy") ? "desc" : "asc",
    sorter: "number",
    sorterParams: { alignEmptyValues: "bottom" },
    headerFilterPlaceholder: "> …",
    headerFilterFunc: (wanted, value) => within(wanted, value == null ? null : scale * value),
    formatter: (cell) => h("span", null, node(cell.getData())),
  };
}

function base(field, heading, unit, about) {
  return {
    field,
    title: field,
    titleFormatter: () =>
      h(
        "button",
        { type: "button", class: "plain", title: about },
        heading,
        unit ? h("small", null, unit) : null,
      ),
    headerFilter: "input",
    headerFilterPlaceholder: "…",
    headerFilterParams: {
      elementAttributes: {
        "aria-label": `Filter ${heading}`,
        title: "Words; for numbers also > 98, <= 1.5M, 90..95",
      },
    },
  };
}

const contains = (wanted, value) =>
  String(value ?? "")
    .toLowerCase()
    .includes(wanted.toLowerCase());

// Whether a number is what was asked for: "> 98", "<= 1.5M", "90..95", "96".
function within(wanted, value) {
  const number = (text) => {
    const [, digits, unit] = /^\s*([-+]?[\d.]+)\s*([kMG]?)\s*$/.exec(text.replace("−", "-")) ?? [];
    return digits === undefined ? NaN : Number(digits) * { k: 1e3, M: 1e6, G: 1e9, "": 1 }[unit];
  };
  const [, sign, rest] = /^\s*(<=|>=|<|>|=)?(.*)$/.exec(wanted);
  const [low, high] = rest.split("..").map(number);
  if (Number.isNaN(low) || Number.isNaN(high)) return true; // not yet a number
  if (value == null) return false;
  if (high !== undefined) return low <= value && value <= high;
  const is = {
    "<": value < low,
    ">": value > low,
    "<=": value <= low,
    ">=": value >= low,
    "=": value === low,
  };
  return sign ? is[sign] : String(value).startsWith(String(low));
}

// A value of a table, its sign of a test and its footnotes, as in the tables above.
function valueNode(value, table) {
  if (!value || !value.text) return h("span");
  return h(
    "span",
    null,
    value.bold ? h("b", null, value.text) : value.text,
    value.verdict ? verdictNode(value.verdict) : null,
    value.marks.map((mark) => h("sup", { title: table.notes.get(mark) ?? "" }, mark)),
    value.aside ? h("span", { class: "aside" }, value.aside) : null,
  );
}

function verdictNode(verdict) {
  return h("span", { class: `verdict ${verdict}`, title: verdict }, content.signs[verdict]);
}
