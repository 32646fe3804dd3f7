// The few kinds of choices that sections offer.

// A labelled list of texts, or of things with a name; `onchange` gets the chosen one.
function choice(label, offered, chosen, onchange) {
  const list = h(
    "select",
    { onchange: () => onchange(offered[list.selectedIndex]) },
    offered.map((one) => h("option", { selected: one === chosen }, one.name ?? one)),
  );
  return h("label", { class: "choice" }, h("span", null, label), list);
}

// One of a few, as buttons side by side.
function segments(label, texts, chosen, onchange) {
  const buttons = texts.map((text, place) =>
    h(
      "button",
      { type: "button", "aria-pressed": String(place === chosen), onclick: () => press(place) },
      text,
    ),
  );
  function press(place) {
    buttons.forEach((button, other) =>
      button.setAttribute("aria-pressed", String(other === place)),
    );
    onchange(place);
  }
  return h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
}

// Names that can be hidden, each beside what its points look like.
function toggles(label, entries, hidden, onchange) {
  const buttons = entries.map(([name, drawing]) => {
    const button = h(
      "button",
      { type: "button", "aria-pressed": "true", onclick: () => press() },
      drawing,
      name,
    );
    function press() {
      if (!hidden.delete(name)) hidden.add(name);
      button.setAttribute("aria-pressed", String(!hidden.has(name)));
      onchange();
    }
    return button;
  });
  return h(
    "div",
    { class: "toggles", role: "group", "aria-label": label },
    h("span", null, label),
    buttons,
  );
}
