// The columns of the table to sort: what stands in them, how they sort, how they filter.

function linked(field, heading, node) {
  return {
    ...base({ key: field, heading }),
    sorter: field === "number" ? "number" : "string",
    frozen: true,
    hozAlign: field === "number" ? "right" : "left",
    formatter: (cell) => h("a", { href: cell.getData().link }, node(cell.getData())),
  };
}

function named(field) {
  return texts(field, field[0].toUpperCase() + field.slice(1), (line) => line[field]);
}

function texts(field, heading, node) {
  return {
    ...base({ key: field, heading }),
    sorter: "string",
    maxWidth: 340,
    formatter: (cell) => h("span", null, node(cell.getData())),
  };
}

// `text` gives what is read there, which filters go by; `node` more than that.
function numeric(of, text, node = text) {
  return {
    ...base(of),
    hozAlign: "right",
    headerHozAlign: "right",
    headerSortStartingDir: of.key.startsWith("accuracy") ? "desc" : "asc",
    sorter: "number",
    sorterParams: { alignEmptyValues: "bottom" },
    headerFilter: asking(of.heading, "A number as it is shown, or > 98, <= 1.5M, 90..95", question),
    headerFilterPlaceholder: "> …",
    headerFilterFunc: (wanted, _, line) => question(wanted)(text(line)),
    formatter: (cell) => h("span", null, node(cell.getData())),
  };
}

function base({ key, heading, unit = "", about = "" }) {
  return {
    field: key,
    title: key,
    titleFormatter: () =>
      h(
        "button",
        { type: "button", class: "plain", title: about },
        heading,
        unit ? h("small", null, unit) : null,
      ),
    headerFilter: asking(heading, "Words", () => true),
    headerFilterLiveFilter: false,
    headerFilterPlaceholder: "…",
    headerFilterFunc: contains,
  };
}

// A field that filters at every change, a paste too; what cannot be read is marked, and no filter.
function asking(heading, title, reads) {
  return (cell, rendered, filter) => {
    const field = h("input", {
      type: "search",
      title,
      "aria-label": `Filter ${heading}`,
      oninput: () => {
        const isRead = Boolean(reads(field.value));
        field.setAttribute("aria-invalid", String(!isRead));
        filter(isRead ? field.value : "");
      },
    });
    return field;
  };
}

const contains = (wanted, value) =>
  String(value ?? "")
    .toLowerCase()
    .includes(wanted.toLowerCase());

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
