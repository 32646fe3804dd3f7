// What only paper and readers without scripts see costs nothing until it is printed: it is text.

function unfold() {
  for (const folded of document.querySelectorAll("noscript.still")) {
    const parsed = new DOMParser().parseFromString(folded.textContent, "text/html");
    folded.replaceWith(...parsed.body.children);
  }
}

window.addEventListener("beforeprint", unfold);
matchMedia("print").addEventListener("change", unfold);
