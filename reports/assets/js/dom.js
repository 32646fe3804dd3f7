// Elements are made of texts and of other elements, never of HTML: no name and no error can run.

const $ = (id) => document.getElementById(id);

function filled(made, given, children) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== ""));
  return made;
}

// h("a", { href: "#x", onclick: go }, "text", h("b", null, "bold"))
function h(tag, given, ...children) {
  return filled(document.createElement(tag), given, children);
}

function svg(tag, given, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), given, children);
}

function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child != null));
}
